package cn.xunge.app.kit

import android.content.Context
import android.view.View
import android.widget.LinearLayout
import android.widget.Space
import cn.xunge.app.R

/** A key of the pad: a large digit. */
private class DigitKey(context: Context, digit: Char, compact: Boolean, onClick: () -> Unit) : ActionButton(
    context, digit.toString(), 0, Look(R.color.surface, R.color.neutral_soft, R.color.line_strong, R.color.text), if (compact) 48 else 64,
    if (compact) Size.TITLE else Size.HEADLINE, 12f, onClick,
)

/**
 * Ten digits as on a telephone and a key to erase, three in a row at every text size: a hand finds them without looking.
 *
 * @param compact for a page that has much to say beside it at large text
 */
class DigitPad(context: Context, erase: CharSequence, onErase: () -> Unit, compact: Boolean = false, onDigit: (Char) -> Unit) : Column(context, gap = if (compact) 4 else 8) {
    init {
        fun key(digit: Char): View = DigitKey(context, digit, compact) { onDigit(digit) }
        for (row in listOf("123", "456", "789")) line(row.map(::key))
        line(listOf(Space(context), key('0'), QuietButton(context, erase, onClick = onErase)))
    }

    private fun line(keys: List<View>) {
        val line = add(LinearLayout(context))
        keys.forEachIndexed { at, key ->
            line.addView(key, LinearLayout.LayoutParams(0, LinearLayout.LayoutParams.MATCH_PARENT, 1f).apply { if (at > 0) marginStart = tokens.dp(8) })
        }
    }
}
