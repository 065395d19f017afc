package cn.xunge.app.pages

import android.content.Context
import cn.xunge.app.R
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Line
import cn.xunge.app.kit.Lines
import cn.xunge.app.kit.RowModel
import cn.xunge.core.HistoryRow
import cn.xunge.core.ItemKind
import cn.xunge.core.Lang
import cn.xunge.core.momentWords
import java.time.format.DateTimeFormatter

/** The lines of 历史 by days. A row is worded when it comes into sight. */
internal class HistoryLines(
    private val context: Context,
    private val lang: Lang,
    private val state: HistoryState,
    private val onNear: () -> Unit,
) : Lines {
    private val searching = state.query != null
    private val rows = state.found
    private val today = workDay(state.today.now)

    /** A row's place in [rows], or the complement of the place of the first row of a day. */
    private val order = ArrayList<Int>().apply {
        rows.forEachIndexed { at, row ->
            if (at == 0 || workDay(rows[at - 1].made) != workDay(row.made)) add(at.inv())
            add(at)
        }
    }
    private val end = listOfNotNull(
        Line.Note(said()),
        Line.Thing(OLDER, RowModel(context.getString(R.string.history_older), Lead.Small(R.drawable.ic_clock), action = context.getString(R.string.history_read))).takeIf { searching && state.more },
    )
    private val made = arrayOfNulls<Line>(order.size + end.size)

    override val count = made.size

    override fun at(position: Int): Line = made[position] ?: line(position).also { made[position] = it }

    /** The record of a row that was pressed. */
    fun row(number: Long): HistoryRow? = rows.getOrNull((number - FIRST).toInt())

    private fun line(position: Int): Line {
        if (!searching && state.more && position > count - NEAR) onNear()
        if (position >= order.size) return end[position - order.size]
        val at = order[position]
        return if (at < 0) Line.Head(head(at.inv())) else Line.Thing(FIRST + at, model(rows[at]))
    }

    private fun said() = when {
        searching && state.more -> context.getString(R.string.history_found_part, rows.size, state.rows.size)
        searching -> context.getString(R.string.history_found, rows.size)
        state.more -> context.getString(R.string.history_reading)
        else -> context.getString(R.string.history_end)
    }

    /** A day with its number of records, once all of them were read. */
    private fun head(first: Int): String {
        val date = workDay(rows[first].made)
        val words = when (date) {
            today -> context.getString(R.string.day_today)
            today.minusDays(1) -> context.getString(R.string.day_yesterday)
            else -> date.format(DateTimeFormatter.ofPattern(context.getString(if (date.year == today.year) R.string.day_pattern else R.string.day_pattern_year), context.resources.configuration.locales[0]))
        }
        var next = first
        while (next < rows.size && workDay(rows[next].made) == date) next++
        return if (next == rows.size && state.more) words else context.getString(R.string.day_number, words, next - first)
    }

    private fun model(row: HistoryRow): RowModel {
        val matter = row.matter?.let(state.names::get)
        val name = matter?.let { if (lang == Lang.EN && it.en.isNotEmpty()) it.en else it.zh }
        val kind = context.getString(if (row.kind == ItemKind.Activity) R.string.kind_activity else R.string.kind_report)
        val title = listOfNotNull(row.title, name, row.text).firstOrNull { it.isNotBlank() } ?: kind
        // The day stands above.
        val parts = listOf(momentWords(row.made, row.made), row.place, row.number.orEmpty())
        return RowModel(title, row.kind.tile(), row.mark(lang), parts.filter { it.isNotBlank() }.take(2).joinToString(" · "), chevron = row.item != null)
    }

    companion object {
        const val OLDER = 1L
        private const val FIRST = 100L
        private const val NEAR = 15
    }
}
