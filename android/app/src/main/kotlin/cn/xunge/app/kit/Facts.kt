package cn.xunge.app.kit

import android.content.Context
import android.widget.LinearLayout
import android.widget.TableLayout
import android.widget.TableRow
import cn.xunge.app.R

/** Names and what stands behind them, in two columns; one below the other with large text. Each pair is spoken as one. */
class Facts(context: Context, facts: List<Pair<CharSequence, CharSequence>>) : TableLayout(context) {
    init {
        setColumnShrinkable(1, true)
        for ((name, value) in facts) {
            val words = Label(context, color = R.color.text_muted).apply { text = name }
            val behind = Label(context).apply { text = value }
            val line = if (tokens.bigText) LinearLayout(context).apply { orientation = VERTICAL } else TableRow(context)
            if (!tokens.bigText) words.setPadding(0, words.paddingTop, tokens.dp(16), words.paddingBottom)
            for (view in listOf(words, behind)) {
                view.importantForAccessibility = IMPORTANT_FOR_ACCESSIBILITY_NO
                line.addView(view)
            }
            line.contentDescription = "$name${context.getString(R.string.spoken_comma)}$value"
            line.isFocusable = true
            addView(line)
        }
    }
}
