package cn.xunge.app.kit

import android.content.Context
import android.text.Layout
import android.view.Gravity
import android.view.View
import android.view.ViewGroup
import android.widget.LinearLayout
import cn.xunge.app.R

/** The bar at the top of a screen: back, what it is, and at the right one more thing. At least 56 dp. */
class TitleBar(context: Context, title: CharSequence, onBack: (() -> Unit)? = null, end: View? = null) : Column(context, gap = 0) {
    init {
        setBackgroundColor(tokens.color(R.color.surface))
        minimumHeight = tokens.dp(56)
        val line = LinearLayout(context).apply {
            gravity = Gravity.CENTER_VERTICAL
            minimumHeight = tokens.dp(56)
            setPadding(tokens.dp(if (onBack == null) 16 else 4), tokens.dp(4), tokens.dp(8), tokens.dp(4))
        }
        if (onBack != null) {
            line.addView(IconButton(context, R.drawable.ic_arrow_left, context.getString(R.string.back), onClick = onBack))
        }
        val words = Label(context, Size.TITLE, bold = true).heading().apply { text = title }
        line.addView(words, LinearLayout.LayoutParams(0, ViewGroup.LayoutParams.WRAP_CONTENT, 1f).apply { marginStart = tokens.dp(4) })
        add(line)
        val below = tokens.bigText && end !is IconButton
        if (end != null && below) {
            addView(end, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply {
                marginStart = tokens.dp(8)
                bottomMargin = tokens.dp(8)
            })
        } else if (end != null) {
            line.addView(end)
        }
    }
}

/**
 * The line that always says where one is: the cell, and small its street, accuracy and age. While the place is sought
 * it says so, and how old the last one is.
 */
class PlaceLine(context: Context) : LinearLayout(context) {
    private val icon = Icon(context, R.drawable.ic_pin, R.color.brand)
    private val cell = Label(context, bold = true)
    private val words = Flow(context, 0, 0)
    private val action = Label(context, color = R.color.brand, bold = true)

    init {
        gravity = Gravity.CENTER_VERTICAL
        minimumHeight = tokens.dp(56)
        setPadding(tokens.dp(16), tokens.dp(8), tokens.dp(16), tokens.dp(8))
        setBackgroundColor(tokens.color(R.color.surface))
        addView(icon, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply { marginEnd = tokens.dp(12) })
        cell.setPadding(0, cell.paddingTop, tokens.dp(8), cell.paddingBottom)
        addView(words, LayoutParams(0, LayoutParams.WRAP_CONTENT, 1f))
        addView(action, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply { marginStart = tokens.dp(12) })
        words.importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO_HIDE_DESCENDANTS
        action.importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
        action.visibility = View.GONE
        isFocusable = true
    }

    /** The line leads to more; [name] says to what. */
    fun opens(name: CharSequence, onClick: () -> Unit): PlaceLine = apply {
        action.show(name)
        setOnClickListener { onClick() }
        background = Ground(context, tokens.color(R.color.surface), tokens.color(R.color.neutral_soft), radius = 0f)
    }

    /**
     * [rest] holds parts divided by `·`; a line breaks between parts rather than inside of one. [found] is false while
     * the place is sought.
     */
    fun show(cell: CharSequence, rest: CharSequence, found: Boolean) {
        icon.show(if (found) R.drawable.ic_pin else R.drawable.ic_crosshair, R.color.brand)
        this.cell.text = cell
        words.removeAllViews()
        words.addView(this.cell)
        val parts = rest.split(DOT)
        parts.forEachIndexed { at, part ->
            val text = if (at < parts.size - 1) "$part$TIED" else part
            words.addView(Label(context, Size.CAPTION, R.color.text_muted).apply { this.text = text })
        }
        contentDescription = (listOf(cell) + parts + action.text).filter { it.isNotEmpty() }.joinToString(context.getString(R.string.spoken_comma))
    }

    private companion object {
        const val DOT = " · "

        /** A line does not begin with the dot. */
        const val TIED = "\u00A0· "
    }
}

/** What needs the person, at the top of every screen while it does; the whole banner is the target. */
class Banner(context: Context) : LinearLayout(context) {
    private val icon = Icon(context)
    private val words = Label(context).apply { breakStrategy = Layout.BREAK_STRATEGY_BALANCED }
    private val action = Label(context, bold = true)

    init {
        gravity = Gravity.CENTER_VERTICAL
        minimumHeight = tokens.dp(48)
        setPadding(tokens.dp(16), tokens.dp(10), tokens.dp(16), tokens.dp(10))
        accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE
        addView(icon, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply { marginEnd = tokens.dp(12) })
        val wrap = LayoutParams.WRAP_CONTENT
        if (tokens.bigText) {
            // Side by side the words would get a column of a few characters.
            val texts = Column(context, gap = 4)
            texts.add(words)
            texts.addView(action, LayoutParams(wrap, wrap))
            texts.importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
            addView(texts, LayoutParams(0, wrap, 1f))
        } else {
            addView(words, LayoutParams(0, wrap, 1f))
            addView(action, LayoutParams(wrap, wrap).apply { marginStart = tokens.dp(12) })
        }
        words.importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
        action.importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
        visibility = View.GONE
    }

    /** Shows the banner. [act] is the word that says what a press does, and goes with [onClick]. */
    fun show(mark: Mark, act: CharSequence? = null, onClick: (() -> Unit)? = null) {
        icon.show(mark.icon, mark.tone.color)
        words.text = mark.text
        action.show(act)
        action.setTextColor(tokens.color(mark.tone.color))
        background = Ground(context, tokens.color(mark.tone.soft), tokens.color(R.color.neutral_soft), radius = 0f)
        contentDescription = listOfNotNull(mark.text, act).joinToString(context.getString(R.string.spoken_comma))
        setOnClickListener(onClick?.let { { _: View -> it() } })
        isClickable = onClick != null
        isFocusable = true
        visibility = View.VISIBLE
    }

    fun hide() {
        visibility = View.GONE
    }
}
