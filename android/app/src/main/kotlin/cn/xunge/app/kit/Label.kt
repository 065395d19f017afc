package cn.xunge.app.kit

import android.content.Context
import android.graphics.Rect
import android.graphics.Typeface
import android.os.LocaleList
import android.text.Layout
import android.text.Spanned
import android.text.method.TransformationMethod
import android.util.TypedValue
import android.view.View
import android.widget.TextView
import cn.xunge.app.R
import java.util.Locale

/**
 * Text of the design: one of its sizes and colours, weight 400 or 700, lines of the size's height. It wraps and is
 * never shortened.
 */
open class Label(context: Context, size: Size = Size.BODY, color: Int = R.color.text, bold: Boolean = false) : TextView(context) {
    init {
        style(this, size, color, bold)
        transformationMethod = Ties
    }
}

/** A number and the word behind it stay on one line (1 场, 38 分). Only what is drawn changes, not the text. */
private object Ties : TransformationMethod {
    override fun getTransformation(source: CharSequence?, view: View?): CharSequence? {
        if (source == null || source.length < 3 || source is Spanned) return source
        var out: StringBuilder? = null
        for (at in 1 until source.length - 1) {
            if (source[at] == ' ' && source[at - 1].isDigit() && Character.isIdeographic(source[at + 1].code)) {
                out = (out ?: StringBuilder(source)).apply { setCharAt(at, NO_BREAK) }
            }
        }
        return out ?: source
    }

    override fun onFocusChanged(view: View?, source: CharSequence?, focused: Boolean, direction: Int, before: Rect?) = Unit

    private const val NO_BREAK = '\u00A0'
}

/** Gives a text view (also an EditText) the design's type. */
fun style(view: TextView, size: Size, color: Int, bold: Boolean = false) {
    val tokens = view.tokens
    view.setTextSize(TypedValue.COMPLEX_UNIT_PX, tokens.text(size))
    view.setTextColor(tokens.color(color))
    view.typeface = if (bold) Typeface.DEFAULT_BOLD else Typeface.DEFAULT
    view.fontFeatureSettings = "tnum"
    // Han glyphs are Chinese ones also while the app speaks English.
    val own = view.resources.configuration.locales[0]
    view.textLocales = if (own.language == "zh") LocaleList(own) else LocaleList(own, Locale.SIMPLIFIED_CHINESE)
    view.breakStrategy = if (bold) Layout.BREAK_STRATEGY_BALANCED else Layout.BREAK_STRATEGY_HIGH_QUALITY
    leading(view, tokens.text(size) * size.line)
}

private const val HAN_DROP = 0.05f

/** Lines of this height, the extra space above and below each line: the framework's spacing leaves out the last line. */
private fun leading(view: TextView, height: Float) {
    view.includeFontPadding = false
    Newer.evenLines(view)
    val metrics = view.paint.fontMetricsInt
    val extra = Math.round(height - (metrics.descent - metrics.ascent)).coerceAtLeast(0)
    view.setLineSpacing(extra.toFloat(), 1f)
    // Han characters stand higher than the middle of the Latin font's line: without this they hang above icons.
    val drop = Math.round(view.textSize * HAN_DROP).coerceAtMost(extra / 2)
    view.setPadding(0, extra / 2 + drop, 0, extra - extra / 2 - drop)
}

/** A heading, for whoever listens to the screen instead of looking at it. */
fun <T : View> T.heading(): T = apply {
    Newer.heading(this)
}

/** Shows the text, or takes no space without one. */
fun TextView.show(text: CharSequence?) {
    this.text = text ?: ""
    visibility = if (text.isNullOrEmpty()) View.GONE else View.VISIBLE
}
