package cn.xunge.app.kit

import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.view.Gravity
import android.view.View
import android.view.accessibility.AccessibilityNodeInfo
import android.widget.Checkable
import android.widget.LinearLayout
import cn.xunge.app.R

/** A line that can be on or off: the whole line is the target. Use [CheckRow] or a [RadioCard]. */
abstract class Choice(context: Context, private val mark: ChoiceMark, title: CharSequence, sub: CharSequence?) : LinearLayout(context), Checkable {
    private val ground = Ground(context, tokens.color(R.color.surface), tokens.color(R.color.neutral_soft), radius = 16f)

    init {
        orientation = HORIZONTAL
        gravity = Gravity.CENTER_VERTICAL
        minimumHeight = tokens.dp(56)
        setPadding(tokens.dp(16), tokens.dp(10), tokens.dp(16), tokens.dp(10))
        ground.hairline = tokens.dp(16)
        background = ground
        isFocusable = true
        val wrap = LayoutParams.WRAP_CONTENT
        addView(mark, LayoutParams(wrap, wrap).apply { marginEnd = tokens.dp(12) })
        val texts = Column(context, gap = 0)
        texts.add(Label(context).apply { text = title })
        texts.add(Label(context, Size.CAPTION, R.color.text_muted).apply { show(sub) })
        texts.importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO_HIDE_DESCENDANTS
        addView(texts, LayoutParams(0, wrap, 1f))
        contentDescription = listOfNotNull(title, sub).joinToString(context.getString(R.string.spoken_comma))
        setOnClickListener { pressed() }
    }

    protected abstract fun pressed()

    fun place(first: Boolean, last: Boolean) {
        ground.roundTop = first
        ground.roundBottom = last
    }

    override fun isChecked() = mark.on

    override fun setChecked(checked: Boolean) {
        mark.on = checked
    }

    override fun toggle() = setChecked(!isChecked)

    override fun onInitializeAccessibilityNodeInfo(info: AccessibilityNodeInfo) {
        super.onInitializeAccessibilityNodeInfo(info)
        info.isCheckable = true
        info.isChecked = isChecked
    }
}

/** A box that can be ticked, in a card of its own. */
class CheckRow(context: Context, title: CharSequence, sub: CharSequence? = null, on: Boolean = false, private val onChange: (Boolean) -> Unit) :
    Choice(context, ChoiceMark(context, round = false), title, sub) {
    init {
        isChecked = on
    }

    override fun pressed() {
        toggle()
        onChange(isChecked)
    }

    override fun getAccessibilityClassName(): CharSequence = android.widget.CheckBox::class.java.name
}

/** One of several: pressing one leaves the others. */
class RadioRow internal constructor(context: Context, title: CharSequence, sub: CharSequence?, private val onPick: () -> Unit) :
    Choice(context, ChoiceMark(context, round = true), title, sub) {
    override fun pressed() = onPick()

    override fun getAccessibilityClassName(): CharSequence = android.widget.RadioButton::class.java.name
}

/** A card of [RadioRow]s. [onPick] gets the place of the one that was pressed, counted from 0. */
class RadioCard(context: Context, options: List<Pair<CharSequence, CharSequence?>>, picked: Int = -1, onPick: (Int) -> Unit) : Column(context, gap = 0) {
    private val rows = options.mapIndexed { at, (title, sub) ->
        add(RadioRow(context, title, sub) { this.picked = at; onPick(at) })
    }

    var picked: Int = picked
        set(value) {
            field = value
            rows.forEachIndexed { at, row -> row.isChecked = at == value }
        }

    init {
        rows.forEachIndexed { at, row -> row.place(at == 0, at == rows.size - 1) }
        this.picked = picked
    }
}

/** The box or the ring of a choice. */
class ChoiceMark(context: Context, private val round: Boolean) : View(context) {
    private val paint = Paint(Paint.ANTI_ALIAS_FLAG)
    private val tick = checkNotNull(context.getDrawable(R.drawable.ic_check)).mutate()

    var on = false
        set(value) { field = value; invalidate() }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) = setMeasuredDimension(tokens.dp(28), tokens.dp(28))

    override fun onDraw(canvas: Canvas) {
        val side = width.toFloat()
        val unit = tokens.dp(1).toFloat()
        val radius = if (round) side / 2 else 8 * unit
        paint.style = Paint.Style.STROKE
        paint.strokeWidth = 2 * unit
        paint.color = tokens.color(if (on) R.color.brand else R.color.line_strong)
        if (!on) {
            canvas.drawRoundRect(unit, unit, side - unit, side - unit, radius, radius, paint)
        } else if (round) {
            paint.strokeWidth = 9 * unit
            canvas.drawCircle(side / 2, side / 2, side / 2 - 4.5f * unit, paint)
        } else {
            paint.style = Paint.Style.FILL
            canvas.drawRoundRect(0f, 0f, side, side, radius, radius, paint)
            tick.setTint(tokens.color(R.color.on_brand))
            tick.setBounds((2 * unit).toInt(), (2 * unit).toInt(), (side - 2 * unit).toInt(), (side - 2 * unit).toInt())
            tick.draw(canvas)
        }
    }
}
