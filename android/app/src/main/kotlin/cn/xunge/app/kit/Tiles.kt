package cn.xunge.app.kit

import android.content.Context
import android.graphics.Canvas
import android.graphics.Path
import android.graphics.RectF
import android.view.Gravity
import android.view.View
import android.widget.FrameLayout
import android.widget.ImageView
import android.widget.LinearLayout
import cn.xunge.app.R

/** A large button of a [TypeGrid]: a type, and small below it its group or 刚用过. */
class TypeButton(context: Context, title: CharSequence, sub: CharSequence? = null, onClick: () -> Unit) : LinearLayout(context) {
    private val words = Label(context, bold = true).apply { text = title }

    init {
        orientation = VERTICAL
        gravity = Gravity.CENTER
        minimumHeight = tokens.dp(80)
        setPadding(tokens.dp(6), tokens.dp(8), tokens.dp(6), tokens.dp(8))
        words.gravity = Gravity.CENTER
        addView(words, LayoutParams(LayoutParams.MATCH_PARENT, LayoutParams.WRAP_CONTENT))
        addView(Label(context, Size.CAPTION, R.color.text_muted).apply { show(sub); gravity = Gravity.CENTER })
        for (at in 0 until childCount) getChildAt(at).importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
        contentDescription = listOfNotNull(title, sub).joinToString(context.getString(R.string.spoken_comma))
        isFocusable = true
        setOnClickListener { onClick() }
        isSelected = false
    }

    override fun setSelected(selected: Boolean) {
        super.setSelected(selected)
        words.setTextColor(tokens.color(if (selected) R.color.brand else R.color.text))
        background = Ground(
            context,
            fill = tokens.color(if (selected) R.color.brand_soft else R.color.surface),
            pressed = tokens.color(R.color.neutral_soft),
            border = tokens.color(if (selected) R.color.brand else R.color.line),
            radius = 16f,
        )
    }

    override fun getAccessibilityClassName(): CharSequence = android.widget.Button::class.java.name
}

/** Type buttons in columns of at least 104 dp: three at 360 dp, one when the text is twice as large. */
fun typeGrid(context: Context, buttons: List<TypeButton>): Grid = Grid(context, 104).apply { buttons.forEach { addView(it) } }

/** Twelve [MonthCell]s in columns of at least 72 dp. */
fun monthGrid(context: Context, cells: List<MonthCell>): Grid = Grid(context, 72).apply { cells.forEach { addView(it) } }

/**
 * A month of the calendar. What is in order has no ground; what is not has one, and what is missing also an outline.
 *
 * @param mark its state with a short word (通过, 剩 7 天); null for a month that has not come, which is dashed
 */
class MonthCell(context: Context, month: CharSequence, mark: Mark?) : Column(context, gap = 2) {
    init {
        gravity = Gravity.CENTER
        minimumHeight = tokens.dp(64)
        setPadding(tokens.dp(2), tokens.dp(8), tokens.dp(2), tokens.dp(8))
        add(Label(context, Size.CAPTION, if (mark == null) R.color.text_muted else R.color.text, bold = true)).apply {
            text = month
            gravity = Gravity.CENTER
        }
        if (mark == null) {
            add(Label(context, Size.CAPTION, R.color.text_muted)).apply { text = "—"; gravity = Gravity.CENTER }
        } else {
            // The state without the padding of a badge: the cell itself is its ground.
            val state = StateView(context, badge = false, size = Size.CAPTION).apply { show(mark); tight() }
            addView(state, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply { gravity = Gravity.CENTER_HORIZONTAL })
        }
        background = when {
            mark == null -> Ground(context, border = tokens.color(R.color.line), dashed = true)
            mark.tone == Tone.SUCCESS -> null
            mark.tone == Tone.DANGER -> Ground(context, tokens.color(mark.tone.soft), border = tokens.color(mark.tone.color))
            else -> Ground(context, tokens.color(mark.tone.soft))
        }
        contentDescription = listOfNotNull(month, mark?.text).joinToString(context.getString(R.string.spoken_comma))
        for (at in 0 until childCount) getChildAt(at).importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO_HIDE_DESCENDANTS
    }
}

/** Nothing here, or something stands in the way: a large icon, what it is, and what comes or helps. */
class EmptyState(context: Context, icon: Int, headline: CharSequence, text: CharSequence? = null, tone: Tone = Tone.NEUTRAL) : Column(context, gap = 8) {
    init {
        gravity = Gravity.CENTER_HORIZONTAL
        setPadding(tokens.dp(16), tokens.dp(24), tokens.dp(16), tokens.dp(24))
        addView(Icon(context, icon, tone.color, 56, grows = false), LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT))
        add(Label(context, Size.HEADLINE, bold = true)).heading().apply {
            this.text = headline
            gravity = Gravity.CENTER
        }
        add(Label(context)).apply {
            show(text)
            gravity = Gravity.CENTER
            breakStrategy = android.text.Layout.BREAK_STRATEGY_BALANCED
        }
    }
}

/** A photo of 72 dp in a row of them; a press enlarges it. [name] is spoken: 照片 1. */
class Shot(context: Context, picture: android.graphics.drawable.Drawable?, name: CharSequence, onClick: () -> Unit) : ImageView(context) {
    init {
        contentDescription = name
        isFocusable = true
        scaleType = ScaleType.FIT_XY
        setImageDrawable(picture?.let { Rounded(it, tokens.dp(12).toFloat()) })
        background = Ground(context, tokens.color(R.color.neutral_soft), tokens.color(R.color.neutral_soft))
        setOnClickListener { onClick() }
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) = setMeasuredDimension(tokens.dp(72), tokens.dp(72))
}

/** The place for one more photo, dashed, 72 dp; in [Tone.DANGER] with [word] for one that is missing. */
class ShotPlace(context: Context, icon: Int, name: CharSequence, word: CharSequence? = null, tone: Tone = Tone.NEUTRAL, onClick: () -> Unit) : LinearLayout(context) {
    init {
        orientation = VERTICAL
        gravity = Gravity.CENTER
        val plain = tone == Tone.NEUTRAL
        contentDescription = name
        minimumWidth = tokens.dp(72)
        minimumHeight = tokens.dp(72)
        setPadding(tokens.dp(8), tokens.dp(8), tokens.dp(8), tokens.dp(8))
        isFocusable = true
        val outline = tokens.color(if (plain) R.color.line_strong else tone.color)
        background = Ground(context, 0, tokens.color(R.color.neutral_soft), outline, dashed = true)
        addView(Icon(context, icon, if (plain) R.color.text_muted else tone.color, 24, grows = false), LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT)
        addView(Label(context, Size.CAPTION, if (plain) R.color.text_muted else tone.color).apply {
            show(word)
            gravity = Gravity.CENTER
            importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
        })
        setOnClickListener { onClick() }
    }

    override fun getAccessibilityClassName(): CharSequence = android.widget.Button::class.java.name
}

/** A photo over the whole width, shown whole, with a tag on it. */
class Photo(context: Context, picture: android.graphics.drawable.Drawable?, description: CharSequence, tag: CharSequence? = null) : FrameLayout(context) {
    init {
        background = Ground(context, tokens.color(R.color.photo_ground), radius = 16f)
        val image = ImageView(context).apply {
            scaleType = ImageView.ScaleType.FIT_CENTER
            adjustViewBounds = true
            contentDescription = description
            setImageDrawable(picture)
        }
        addView(image, LayoutParams(LayoutParams.MATCH_PARENT, LayoutParams.MATCH_PARENT))
        if (tag != null) {
            val words = Label(context, Size.CAPTION, R.color.on_photo).apply {
                text = tag
                background = Ground(context, tokens.color(R.color.photo_scrim), radius = 8f)
                setPadding(tokens.dp(10), paddingTop + tokens.dp(2), tokens.dp(10), paddingBottom + tokens.dp(2))
            }
            val at = tokens.dp(8)
            addView(words, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply { setMargins(at, at, at, at) })
        }
    }

    private val round = Path()

    override fun onSizeChanged(w: Int, h: Int, oldw: Int, oldh: Int) {
        round.reset()
        val radius = tokens.dp(16).toFloat()
        round.addRoundRect(RectF(0f, 0f, w.toFloat(), h.toFloat()), radius, radius, Path.Direction.CW)
    }

    override fun dispatchDraw(canvas: Canvas) {
        val saved = canvas.save()
        canvas.clipPath(round)
        super.dispatchDraw(canvas)
        canvas.restoreToCount(saved)
    }

    /** 3:2, as photos are taken. */
    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        val width = MeasureSpec.getSize(widthMeasureSpec)
        super.onMeasure(MeasureSpec.makeMeasureSpec(width, MeasureSpec.EXACTLY), MeasureSpec.makeMeasureSpec(width * 2 / 3, MeasureSpec.EXACTLY))
    }
}
