package cn.xunge.app.kit

import android.content.Context
import android.graphics.Typeface
import android.view.Gravity
import android.view.View
import android.widget.FrameLayout
import android.widget.LinearLayout
import cn.xunge.app.R

/** The four places of the app (今日 上报 任务 我的). */
enum class Place(val word: Int, val icon: Int) {
    TODAY(R.string.nav_today, R.drawable.ic_calendar_check),
    REPORT(R.string.nav_report, R.drawable.ic_camera),
    TASKS(R.string.nav_tasks, R.drawable.ic_list_check),
    ME(R.string.nav_me, R.drawable.ic_user),
}

/** The navigation at the bottom. With large text its icons go and the number of tasks stands behind the word. */
class NavBar(context: Context, current: Place, tasks: Int, onGo: (Place) -> Unit) : LinearLayout(context) {
    init {
        orientation = HORIZONTAL
        minimumHeight = tokens.dp(56)
        setPadding(tokens.dp(4), 0, tokens.dp(4), 0)
        for (place in Place.values()) {
            val waiting = if (place == Place.TASKS) tasks else 0
            val item = NavItem(context, place, place == current, waiting) { onGo(place) }
            // With large text each gets what its word needs and a share of the rest.
            val width = if (tokens.bigText) LayoutParams.WRAP_CONTENT else 0
            addView(item, LayoutParams(width, LayoutParams.MATCH_PARENT, 1f))
        }
    }

    /** A bar of tabs to who listens; the class itself is deprecated and only its name is meant. */
    override fun getAccessibilityClassName(): CharSequence = "android.widget.TabWidget"
}

private class NavItem(context: Context, place: Place, on: Boolean, waiting: Int, onClick: () -> Unit) : FrameLayout(context) {
    init {
        val color = if (on) R.color.brand else R.color.text_muted
        val word = context.getString(place.word)
        val number = if (waiting > MOST) "$MOST+" else waiting.toString()
        minimumWidth = tokens.dp(48)
        minimumHeight = tokens.dp(56)
        isSelected = on
        isFocusable = true
        background = Ground(context, pressed = tokens.color(R.color.neutral_soft), radius = 8f)
        val column = LinearLayout(context).apply {
            orientation = LinearLayout.VERTICAL
            gravity = Gravity.CENTER
        }
        val label = Label(context, Size.CAPTION, color, bold = on)
        label.text = if (tokens.bigText && waiting > 0) "$word $number" else word
        label.gravity = Gravity.CENTER
        if (!tokens.bigText) column.addView(Icon(context, place.icon, color))
        column.addView(label, LinearLayout.LayoutParams(LinearLayout.LayoutParams.MATCH_PARENT, LinearLayout.LayoutParams.WRAP_CONTENT))
        addView(column, LayoutParams(LayoutParams.MATCH_PARENT, LayoutParams.MATCH_PARENT))
        if (!tokens.bigText && waiting > 0) addView(badge(number))
        contentDescription = if (waiting > 0) resources.getQuantityString(R.plurals.nav_waiting, waiting, word, waiting) else word
        for (at in 0 until childCount) getChildAt(at).importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO_HIDE_DESCENDANTS
        setOnClickListener { onClick() }
    }

    private fun badge(number: String) = Label(context, Size.CAPTION, R.color.surface).apply {
        text = number
        gravity = Gravity.CENTER
        typeface = Typeface.DEFAULT_BOLD
        minWidth = tokens.dp(20)
        setPadding(tokens.dp(5), 0, tokens.dp(5), 0)
        setLineSpacing(0f, 1f)
        minHeight = tokens.scaled(20)
        background = Ground(context, fill = tokens.color(R.color.danger), radius = 999f)
        // Right of the icon's middle, over its upper corner.
        translationX = tokens.dp(20).toFloat()
        layoutParams = LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT, Gravity.TOP or Gravity.CENTER_HORIZONTAL).apply { topMargin = tokens.dp(2) }
    }

    override fun getAccessibilityClassName(): CharSequence = android.widget.Button::class.java.name

    private companion object {
        const val MOST = 99
    }
}
