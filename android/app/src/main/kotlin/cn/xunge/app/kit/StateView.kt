package cn.xunge.app.kit

import android.content.Context
import android.view.Gravity
import android.view.View
import android.widget.LinearLayout

/** What a state looks like here and now: its icon, its tone, its words. Equal marks need not be drawn again. */
data class Mark(val icon: Int, val tone: Tone, val text: String)

/**
 * The mark of a state. [places] fill the placeholders of its word in their order; [tail] is put behind it:
 * `State.TASK_NEW.mark(context, tail = "，11:24 前")`.
 */
fun State.mark(context: Context, vararg places: Any, tail: String = ""): Mark {
    require(places.size == this.places) { "$code takes ${this.places} texts" }
    return Mark(icon, tone, context.getString(word, *places.map { it.toString() }.toTypedArray()) + tail)
}

/** A state: icon and word in its tone. Quiet in lists; as a badge in heads and cards, where danger also has an outline. */
class StateView(context: Context, private val badge: Boolean = false, size: Size = if (badge) Size.CAPTION else Size.STATE) : LinearLayout(context) {
    private val icon = Icon(context, dp = if (size == Size.CAPTION) 18 else 20)
    private val label = Label(context, size, bold = true)

    init {
        orientation = HORIZONTAL
        gravity = Gravity.TOP
        addView(icon, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply {
            // Centred on the first line, so that it stays there when the words take two.
            topMargin = ((tokens.text(size) * size.line - icon.side) / 2).toInt().coerceAtLeast(0)
            marginEnd = tokens.dp(6)
        })
        addView(label, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT))
        if (badge) {
            val side = tokens.dp(10)
            setPadding(tokens.dp(8), tokens.dp(4), side, tokens.dp(4))
        }
    }

    constructor(context: Context, mark: Mark, badge: Boolean = false) : this(context, badge) {
        show(mark)
    }

    /** Icon and word closer together, and the word in the middle of its lines: for narrow cells. */
    fun tight() {
        (icon.layoutParams as LayoutParams).marginEnd = tokens.dp(4)
        label.gravity = Gravity.CENTER
    }

    /** Shows the mark, or takes no space without one. */
    fun show(mark: Mark?) {
        visibility = if (mark == null) View.GONE else View.VISIBLE
        if (mark == null) return
        icon.show(mark.icon, mark.tone.color)
        label.text = mark.text
        label.setTextColor(tokens.color(mark.tone.color))
        if (badge) {
            val outline = if (mark.tone == Tone.DANGER) tokens.color(mark.tone.color) else 0
            background = Ground(context, fill = tokens.color(mark.tone.soft), border = outline, stroke = 1.5f, radius = 8f)
        }
    }
}
