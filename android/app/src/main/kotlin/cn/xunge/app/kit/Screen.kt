package cn.xunge.app.kit

import android.content.Context
import android.view.Gravity
import android.view.View
import android.view.ViewGroup
import android.widget.FrameLayout
import android.widget.LinearLayout
import android.widget.ScrollView
import cn.xunge.app.R

/**
 * The frame of every screen, from above: a title bar or the place line; a banner while something needs the person; the
 * body, which scrolls; the foot with the one thing most likely wanted within the thumb's reach; the navigation.
 *
 * A screen has [column] or [list] as its body, never both.
 */
class Screen(context: Context) : LinearLayout(context) {
    private val head = FrameLayout(context)
    private val middle = FrameLayout(context)
    private val foot = Foot(context)

    val banner = Banner(context)
    val snackbar = Snackbar(context)

    init {
        orientation = VERTICAL
        setBackgroundColor(tokens.color(R.color.surface_sunken))
        val wrap = LayoutParams.WRAP_CONTENT
        addView(head, LayoutParams(LayoutParams.MATCH_PARENT, wrap))
        addView(banner, LayoutParams(LayoutParams.MATCH_PARENT, wrap))
        addView(middle, LayoutParams(LayoutParams.MATCH_PARENT, 0, 1f))
        addView(foot, LayoutParams(LayoutParams.MATCH_PARENT, wrap))
        val side = tokens.dp(12)
        middle.addView(snackbar, FrameLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, ViewGroup.LayoutParams.WRAP_CONTENT, Gravity.BOTTOM).apply { setMargins(side, side, side, side) })
    }

    /** A title bar; [end] is an [IconButton], a [QuietButton] or a badge. */
    fun title(title: CharSequence, onBack: (() -> Unit)? = null, end: View? = null) {
        head.removeAllViews()
        head.addView(TitleBar(context, title, onBack, end))
        named(title)
    }

    /** What the screen is called when it appears; a title bar does it by itself. */
    fun named(name: CharSequence) = Newer.pane(this, name)

    /** The place line, for the screens that one patrols with. Show the place on what this returns. */
    fun place(): PlaceLine = PlaceLine(context).also {
        head.removeAllViews()
        head.addView(it)
    }

    /** A body that scrolls: add its cards one by one. */
    val column: Column by lazy {
        val column = Column(context, gap = 8)
        column.setPadding(tokens.dp(12), tokens.dp(8), tokens.dp(12), tokens.dp(16))
        val scroll = ScrollView(context).apply {
            id = R.id.scroll
            isFillViewport = true
            addView(column)
        }
        body(scroll)
        column
    }

    /** A body that is one list of any length. */
    fun list(onClick: (Long) -> Unit): RowList = RowList(context, onClick).also { body(it) }

    /** A body of its own, such as the camera or a map. */
    fun body(view: View) {
        middle.addView(view, 0, FrameLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, ViewGroup.LayoutParams.MATCH_PARENT))
    }

    /** A short line over the buttons: what to do, or why the button does not work yet. */
    fun hint(text: CharSequence?) = foot.hint.show(text)

    /** The main action of the screen; [Tone.DANGER] if it cannot be undone. */
    fun primary(text: CharSequence, icon: Int = 0, tone: Tone = Tone.BRAND, onClick: () -> Unit): PrimaryButton =
        foot.first(PrimaryButton(context, text, icon, tone, onClick))

    /** The main action cannot be done yet: the button says why, and the line over it too. Null when it can. */
    fun notYet(button: PrimaryButton, why: CharSequence?) {
        button.notYet(why)
        hint(why)
    }

    /** Keys or the like instead of a main action: always whole, while what is above scrolls. */
    fun <T : View> keys(view: T): T = foot.first(view)

    /** The second thing one may want, below the main action. */
    fun second(text: CharSequence, tone: Tone = Tone.BRAND, onClick: () -> Unit): QuietButton = foot.second(QuietButton(context, text, 0, tone, onClick))

    /** Two buttons instead of a main action, such as two large answers: side by side; one below the other with large text. */
    fun answers(left: ActionButton, right: ActionButton) = foot.pair(left, right)

    /** The navigation with the number of open tasks. */
    fun navigation(current: Place, tasks: Int, onGo: (Place) -> Unit) = foot.navigation(NavBar(context, current, tasks, onGo))
}
