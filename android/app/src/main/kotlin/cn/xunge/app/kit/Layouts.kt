package cn.xunge.app.kit

import android.content.Context
import android.graphics.drawable.GradientDrawable
import android.view.View
import android.view.ViewGroup
import android.widget.LinearLayout

/** Views one below the other over the whole width, with a gap between those that are shown. */
open class Column(context: Context, gap: Number = 8) : LinearLayout(context) {
    init {
        orientation = VERTICAL
        if (tokens.dp(gap) > 0) {
            dividerDrawable = GradientDrawable().apply { setSize(0, tokens.dp(gap)) }
            showDividers = SHOW_DIVIDER_MIDDLE
        }
    }

    /** Adds the view at the end and returns it. */
    fun <T : View> add(view: T): T = view.also { addView(it, LayoutParams(LayoutParams.MATCH_PARENT, LayoutParams.WRAP_CONTENT)) }
}

/**
 * Views one behind the other on lines that break where the width ends, like words: their baselines stand on one line.
 * A view wider than a line wraps inside of itself.
 */
class Flow(context: Context, gap: Number = 8, lineGap: Number = gap) : ViewGroup(context) {
    private val gap = tokens.dp(gap)
    private val lineGap = tokens.dp(lineGap)

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        val width = if (MeasureSpec.getMode(widthMeasureSpec) == MeasureSpec.UNSPECIFIED) Int.MAX_VALUE / 2 else MeasureSpec.getSize(widthMeasureSpec)
        val room = MeasureSpec.makeMeasureSpec(width - paddingLeft - paddingRight, MeasureSpec.AT_MOST)
        shown().forEach { measureChild(it, room, MeasureSpec.makeMeasureSpec(0, MeasureSpec.UNSPECIFIED)) }
        var used = 0
        val height = lines(width - paddingLeft - paddingRight) { view, left, _ -> used = maxOf(used, left + view.measuredWidth) }
        val wanted = used + paddingLeft + paddingRight
        setMeasuredDimension(resolveSize(wanted, widthMeasureSpec), resolveSize(height + paddingTop + paddingBottom, heightMeasureSpec))
    }

    override fun onLayout(changed: Boolean, l: Int, t: Int, r: Int, b: Int) {
        lines(r - l - paddingLeft - paddingRight) { view, left, top ->
            val x = paddingLeft + left
            val y = paddingTop + top
            view.layout(x, y, x + view.measuredWidth, y + view.measuredHeight)
        }
    }

    /** Calls [place] for each view with its place, and returns the height of all lines. */
    private fun lines(width: Int, place: (View, Int, Int) -> Unit): Int {
        val line = ArrayList<View>()
        var top = 0
        var used = 0
        fun close() {
            if (line.isEmpty()) return
            if (top > 0) top += lineGap
            val above = line.maxOf { above(it) }
            var left = 0
            for (view in line) {
                place(view, left, top + above - above(view))
                left += view.measuredWidth + gap
            }
            top += above + line.maxOf { it.measuredHeight - above(it) }
            line.clear()
        }
        for (view in shown()) {
            if (line.isNotEmpty() && used + gap + view.measuredWidth > width) close()
            used = if (line.isEmpty()) view.measuredWidth else used + gap + view.measuredWidth
            line.add(view)
        }
        close()
        return top
    }

    private fun above(view: View) = if (view.baseline > 0) view.baseline else view.measuredHeight / 2

    private fun shown() = (0 until childCount).map { getChildAt(it) }.filter { it.visibility != View.GONE }
}

/** Views in columns of one width, at least [least] dp each at 100 % text: with larger text there are fewer columns. Rows are even. */
class Grid(context: Context, private val least: Number) : ViewGroup(context) {
    private val gap = tokens.dp(8)
    private var rows = emptyList<Int>()

    /** How many columns stand side by side in this width. */
    fun columns(width: Int): Int = ((width + gap) / (tokens.column(least) + gap)).toInt().coerceAtLeast(1)

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        val width = MeasureSpec.getSize(widthMeasureSpec)
        val columns = columns(width)
        val each = (width - gap * (columns - 1)) / columns
        val cells = (0 until childCount).map { getChildAt(it) }
        val exact = MeasureSpec.makeMeasureSpec(each, MeasureSpec.EXACTLY)
        rows = cells.chunked(columns).map { row ->
            row.forEach { it.measure(exact, MeasureSpec.makeMeasureSpec(0, MeasureSpec.UNSPECIFIED)) }
            row.maxOf { it.measuredHeight }
        }
        cells.forEachIndexed { at, cell ->
            cell.measure(exact, MeasureSpec.makeMeasureSpec(rows[at / columns], MeasureSpec.EXACTLY))
        }
        setMeasuredDimension(width, rows.sum() + gap * (rows.size - 1).coerceAtLeast(0))
    }

    override fun onLayout(changed: Boolean, l: Int, t: Int, r: Int, b: Int) {
        val columns = columns(r - l)
        for (at in 0 until childCount) {
            val cell = getChildAt(at)
            val left = (at % columns) * (cell.measuredWidth + gap)
            val top = rows.take(at / columns).sum() + gap * (at / columns)
            cell.layout(left, top, left + cell.measuredWidth, top + cell.measuredHeight)
        }
    }
}
