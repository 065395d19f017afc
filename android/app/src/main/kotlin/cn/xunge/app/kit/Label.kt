package cn.xunge.app.kit

import android.content.Context
import android.graphics.Typeface
import android.os.LocaleList
import android.text.Layout
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
    }
}

/** Gives a text view (also an EditText) the design's type. */
fun style(view: TextView, size: Size, color: Int, bold: Boolean = false) {
    val tokens = view.tokens
    view.setTextSize(TypedValue.COMPLEX_UNIT_PX, tokens.text(size))
    view.setTextColor(tokens.color(color))
    view.typeface = if (bold) Typeface.DEFAULT_BOLD else Typeface.DEFAULT
    view.fontFeatureSettings = "tnum"
    // Han glyphs are Chinese ones also while the app speaks English.
    view.textLocales = LocaleList(view.resources.configuration.locales[0], Locale.SIMPLIFIED_CHINESE)
    view.breakStrategy = if (bold) Layout.BREAK_STRATEGY_BALANCED else Layout.BREAK_STRATEGY_HIGH_QUALITY
    leading(view, tokens.text(size) * size.line)
}

/** Lines of this height, the extra space above and below each line: the framework's spacing leaves out the last line. */
private fun leading(view: TextView, height: Float) {
    view.includeFontPadding = false
    Newer.evenLines(view)
    val metrics = view.paint.fontMetricsInt
    val extra = Math.round(height - (metrics.descent - metrics.ascent)).coerceAtLeast(0)
    view.setLineSpacing(extra.toFloat(), 1f)
    view.setPadding(0, extra / 2, 0, extra - extra / 2)
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
