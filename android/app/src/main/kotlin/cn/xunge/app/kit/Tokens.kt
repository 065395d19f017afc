package cn.xunge.app.kit

import android.content.Context
import android.view.View
import cn.xunge.app.R

/** A tone carries the meaning of a state; [BRAND] is selection and the main action, never a state. */
enum class Tone(val color: Int, val soft: Int) {
    NEUTRAL(R.color.neutral, R.color.neutral_soft),
    INFO(R.color.info, R.color.info_soft),
    SUCCESS(R.color.success, R.color.success_soft),
    WARNING(R.color.warning, R.color.warning_soft),
    DANGER(R.color.danger, R.color.danger_soft),
    BRAND(R.color.brand, R.color.brand_soft),
}

/** A text size in sp, and its line height as a multiple of it. */
enum class Size(val dimen: Int, val line: Float) {
    CAPTION(R.dimen.text_caption, 1.45f),
    STATE(R.dimen.text_state, 1.45f),
    BODY(R.dimen.text_body, 1.45f),
    TITLE(R.dimen.text_title, 1.3f),
    HEADLINE(R.dimen.text_headline, 1.3f),
    FIGURE(R.dimen.text_figure, 1.2f),
}

/** The values of the design for one context: its theme, density and text size. */
class Tokens(private val context: Context) {
    private val resources = context.resources

    /** From 150 % text on, ornaments go (icons of the navigation, arrows of rows) so that words need not be cut. */
    val bigText: Boolean get() = resources.configuration.fontScale >= BIG_TEXT

    fun color(id: Int): Int = context.getColor(id)

    /** Pixels for so many dp. */
    fun dp(value: Number): Int = Math.round(value.toFloat() * resources.displayMetrics.density)

    /** Pixels for so many dp at 100 % text, growing with the text: icons beside words. */
    fun scaled(value: Number): Int =
        Math.round(value.toFloat() * resources.displayMetrics.density * resources.configuration.fontScale.coerceIn(1f, 2f))

    /** Pixels of a text size. */
    fun text(size: Size): Float = resources.getDimension(size.dimen)

    /** Pixels of a size that is given in resources. */
    fun size(id: Int): Int = resources.getDimensionPixelSize(id)

    /**
     * Pixels for the least width of a column, which grows with the text. Not in sp: from Android 14 on a large number
     * of sp hardly grows, as the system takes it for a heading.
     */
    fun column(dp: Number): Float = dp.toFloat() * resources.displayMetrics.density * resources.configuration.fontScale.coerceAtLeast(1f)

    private companion object {
        const val BIG_TEXT = 1.5f
    }
}

val Context.tokens: Tokens get() = Tokens(this)
val View.tokens: Tokens get() = Tokens(context)
