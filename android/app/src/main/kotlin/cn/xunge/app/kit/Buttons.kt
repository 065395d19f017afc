package cn.xunge.app.kit

import android.content.Context
import android.view.Gravity
import android.view.View
import android.widget.LinearLayout
import cn.xunge.app.R

/** The look of a button: its ground and the colour of its words. */
class Look(val fill: Int, val pressed: Int, val border: Int, val words: Int)

/**
 * A button of the design: words, with an icon or without, at least 48 dp. Use one of its kinds below.
 *
 * A button that does not work yet stays in its place and keeps the focus, with a dashed outline; pressed, it says why
 * ([notYet]). It is never greyed.
 */
abstract class ActionButton(
    context: Context,
    text: CharSequence,
    icon: Int,
    private val look: Look,
    height: Int,
    size: Size,
    private val radius: Float,
    onClick: () -> Unit,
) : LinearLayout(context) {
    private val words = Label(context, size, look.words, bold = true)
    private val image = Icon(context, icon, look.words)
    private var reason: CharSequence? = null

    var text: CharSequence = text
        set(value) { field = value; show() }

    init {
        orientation = HORIZONTAL
        gravity = Gravity.CENTER
        minimumHeight = tokens.dp(height)
        val side = tokens.dp(if (tokens.bigText) 12 else 16)
        setPadding(side, tokens.dp(4), side, tokens.dp(4))
        image.visibility = if (icon == 0) View.GONE else View.VISIBLE
        words.gravity = Gravity.CENTER
        words.importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
        addView(image, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply { marginEnd = tokens.dp(10) })
        addView(words, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT))
        isClickable = true
        isFocusable = true
        setOnClickListener { reason?.let { announceForAccessibility(it) } ?: onClick() }
        show()
    }

    /** Says why the button does not work yet; null when it does. The reason must also stand beside it: [Screen.hint]. */
    fun notYet(why: CharSequence?) {
        reason = why
        show()
    }

    private fun show() {
        words.text = text
        val why = reason
        contentDescription = if (why == null) text else context.getString(R.string.not_yet, text, why)
        val color = if (why == null) look.words else R.color.text_muted
        words.setTextColor(tokens.color(color))
        image.show(0, color)
        background = if (why == null) {
            Ground(context, paint(look.fill), paint(look.pressed), paint(look.border), radius = radius)
        } else {
            Ground(context, tokens.color(R.color.surface), tokens.color(R.color.neutral_soft), tokens.color(R.color.line_strong), dashed = true, radius = radius)
        }
    }

    private fun paint(color: Int) = if (color == 0) 0 else tokens.color(color)

    override fun getAccessibilityClassName(): CharSequence = android.widget.Button::class.java.name
}

/** The one filled button of a screen: what is most likely wanted, 64 dp, in the foot. In [Tone.DANGER] where it cannot be undone. */
class PrimaryButton(context: Context, text: CharSequence, icon: Int = 0, tone: Tone = Tone.BRAND, onClick: () -> Unit) : ActionButton(
    context, text, icon, Look(tone.color, R.color.neutral, 0, R.color.on_brand), 64, Size.TITLE, 16f, onClick,
)

/** A button without a ground, 48 dp: the second thing a screen offers, or a word in a card. */
class QuietButton(context: Context, text: CharSequence, icon: Int = 0, tone: Tone = Tone.BRAND, onClick: () -> Unit) : ActionButton(
    context, text, icon, Look(0, R.color.neutral_soft, 0, tone.color), 48, Size.BODY, 12f, onClick,
)

/** An outlined button of 48 dp. */
class OutlineButton(context: Context, text: CharSequence, icon: Int = 0, onClick: () -> Unit) : ActionButton(
    context, text, icon, Look(R.color.surface, R.color.neutral_soft, R.color.line_strong, R.color.text), 48, Size.BODY, 12f, onClick,
)

/** One of two large answers, outlined in its tone, 64 dp. */
class AnswerButton(context: Context, text: CharSequence, icon: Int, tone: Tone, onClick: () -> Unit) : ActionButton(
    context, text, icon, Look(R.color.surface, tone.soft, tone.color, tone.color), 64, Size.TITLE, 16f, onClick,
)
