package cn.xunge.app.kit

import android.content.Context
import android.view.Gravity
import android.view.View
import android.widget.LinearLayout
import cn.xunge.app.R

/** The foot of a screen: a hint, one or two buttons, the navigation. What it has not takes no space. */
internal class Foot(context: Context) : Column(context, gap = 0) {
    private val buttons = Column(context, gap = 0)
    private val between = hairline()
    val hint = Label(context, Size.CAPTION, R.color.text_muted)

    init {
        setBackgroundColor(tokens.color(R.color.surface))
        hint.gravity = Gravity.CENTER
        hint.setPadding(tokens.dp(12), hint.paddingTop + tokens.dp(6), tokens.dp(12), hint.paddingBottom)
        hint.accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE
        hint.show(null)
        buttons.add(hint)
        addView(hairline())
        add(buttons)
        addView(between)
        visibility = View.GONE
        buttons.visibility = View.GONE
        between.visibility = View.GONE
    }

    fun <T : View> first(button: T): T = button.also { inset(it, top = if (tokens.bigText) 4 else 8) }

    fun <T : View> second(button: T): T = button.also { inset(it, top = 0) }

    fun pair(left: View, right: View) {
        val big = tokens.bigText
        val row = LinearLayout(context)
        row.orientation = if (big) VERTICAL else HORIZONTAL
        for (view in listOf(left, right)) {
            val params = if (big) LayoutParams(LayoutParams.MATCH_PARENT, LayoutParams.WRAP_CONTENT) else LayoutParams(0, LayoutParams.MATCH_PARENT, 1f)
            if (view === right && big) params.topMargin = tokens.dp(8)
            if (view === right && !big) params.marginStart = tokens.dp(8)
            row.addView(view, params)
        }
        first(row)
    }

    fun navigation(bar: NavBar) {
        visibility = View.VISIBLE
        add(bar)
        separate()
    }

    private fun inset(view: View, top: Int) {
        visibility = View.VISIBLE
        buttons.visibility = View.VISIBLE
        val side = tokens.dp(12)
        val bottom = tokens.dp(if (tokens.bigText) 4 else 8)
        buttons.addView(view, LayoutParams(LayoutParams.MATCH_PARENT, LayoutParams.WRAP_CONTENT).apply { setMargins(side, tokens.dp(top), side, bottom) })
        separate()
    }

    private fun separate() {
        val both = buttons.visibility == View.VISIBLE && getChildAt(childCount - 1) is NavBar
        between.visibility = if (both) View.VISIBLE else View.GONE
    }

    private fun hairline() = View(context).apply {
        setBackgroundColor(tokens.color(R.color.line))
        layoutParams = LayoutParams(LayoutParams.MATCH_PARENT, tokens.dp(1))
    }
}
