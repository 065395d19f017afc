package cn.xunge.app.kit

import android.content.Context
import android.view.View
import android.view.ViewGroup
import android.widget.AbsListView
import android.widget.BaseAdapter
import android.widget.ListView
import cn.xunge.app.R

/** One line of a list. */
sealed class Line {
    /** A thing. [id] stays the same while the thing does, so that the list keeps its place when others come or go. */
    data class Thing(val id: Long, val model: RowModel) : Line()

    /** A heading over the card that follows. */
    data class Head(val text: String) : Line()

    /** A sentence between cards. */
    data class Note(val text: String) : Line()
}

/** Where a list gets its lines: asked only for those that are on the screen. */
interface Lines {
    val count: Int

    fun at(position: Int): Line
}

/**
 * A list of any length, drawn as cards: things that follow each other share one card. Rows are reused.
 *
 * @param onClick gets the id of the thing that was pressed
 */
class RowList(context: Context, private val onClick: (Long) -> Unit) : ListView(context) {
    private val lines = LinesAdapter(context)

    init {
        id = R.id.row_list
        divider = null
        dividerHeight = 0
        clipToPadding = false
        setPadding(tokens.dp(12), tokens.dp(8), tokens.dp(12), tokens.dp(16))
        scrollBarStyle = SCROLLBARS_OUTSIDE_OVERLAY
        // The row itself shows a press; the selector shows only the focus of keys.
        selector = Ground(context, radius = 12f)
        setDrawSelectorOnTop(true)
        cacheColorHint = 0
        adapter = lines
        setOnItemClickListener { _, _, at, _ -> (lines.getItem(at) as? Line.Thing)?.let { onClick(it.id) } }
    }

    fun show(lines: List<Line>) = show(object : Lines {
        override val count = lines.size

        override fun at(position: Int) = lines[position]
    })

    fun show(source: Lines) = lines.show(source)
}

private class LinesAdapter(private val context: Context) : BaseAdapter() {
    private var source: Lines? = null

    fun show(source: Lines) {
        this.source = source
        notifyDataSetChanged()
    }

    override fun getCount() = source?.count ?: 0

    override fun getItem(position: Int): Line = checkNotNull(source).at(position)

    override fun hasStableIds() = true

    override fun getItemId(position: Int): Long = when (val line = getItem(position)) {
        is Line.Thing -> line.id
        // Ids of things are not negative.
        is Line.Head -> -1L - line.text.hashCode().toUInt().toLong()
        is Line.Note -> -1L - line.text.hashCode().toUInt().toLong()
    }

    override fun getViewTypeCount() = 2

    override fun getItemViewType(position: Int) = if (getItem(position) is Line.Thing) 0 else 1

    override fun areAllItemsEnabled() = false

    override fun isEnabled(position: Int) = getItem(position) is Line.Thing

    override fun getView(position: Int, recycled: View?, parent: ViewGroup): View = when (val line = getItem(position)) {
        is Line.Thing -> (recycled as? Row ?: Row(context)).apply {
            bind(line.model)
            place(first = !thing(position - 1), last = !thing(position + 1))
        }
        is Line.Head -> caption(recycled).apply { text = line.text }.heading()
        is Line.Note -> caption(recycled).apply { text = line.text }
    }.apply { layoutParams = AbsListView.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, ViewGroup.LayoutParams.WRAP_CONTENT) }

    private fun thing(position: Int) = position in 0 until count && getItem(position) is Line.Thing

    private fun caption(recycled: View?) = recycled as? Caption ?: Caption(context)
}

/** Small text on the ground between cards. */
class Caption(context: Context) : Label(context, Size.CAPTION, R.color.text_muted) {
    init {
        setPadding(tokens.dp(4), tokens.dp(8) + paddingTop, tokens.dp(4), tokens.dp(4) + paddingBottom)
    }
}
