package cn.xunge.app.pages

import android.content.Context
import android.graphics.drawable.Drawable
import cn.xunge.app.R
import cn.xunge.app.count
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Line
import cn.xunge.app.kit.Lines
import cn.xunge.app.kit.Part
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.State
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.mark
import cn.xunge.client.inLang
import cn.xunge.core.ItemKind
import cn.xunge.core.ItemState
import cn.xunge.core.Lang
import cn.xunge.core.QueueRow
import cn.xunge.core.momentWords
import cn.xunge.ids.EntryKey
import cn.xunge.ids.Moment
import cn.xunge.ids.PhotoHash
import kotlin.math.roundToInt

/** Numbers for the rows of a list, which stay the same while their items do. */
internal class Numbers {
    private val numbers = HashMap<EntryKey, Long>()
    private val items = ArrayList<EntryKey>()

    fun of(item: EntryKey): Long = numbers.getOrPut(item) { items.add(item); FIRST + items.size - 1 }

    fun item(number: Long): EntryKey? = items.getOrNull((number - FIRST).toInt())

    private companion object {
        /** Below it are the rows that are no items. */
        const val FIRST = 100L
    }
}

/** The lines of 我报的. A row is worded when it comes into sight: a thousand cost as little as ten. */
internal class QueueLines(
    private val context: Context,
    private val lang: Lang,
    private val state: QueueState,
    private val numbers: Numbers,
    private val cover: (PhotoHash) -> Drawable?,
    private val onNear: () -> Unit,
) : Lines {
    private val before = head()
    private val sections = listOf(
        R.string.queue_unread to state.unread,
        R.string.queue_needs_you to state.needsYou,
        R.string.queue_drafts to state.drafts,
        R.string.queue_filed to state.rows,
    ).filter { it.second.isNotEmpty() }

    /** One section alone needs no heading. */
    private val heads = if (sections.size > 1) 1 else 0
    private val made = arrayOfNulls<Line>(before.size + sections.sumOf { it.second.size + heads } + 1)

    override val count = made.size

    override fun at(position: Int): Line = made[position] ?: line(position).also { made[position] = it }

    private fun line(position: Int): Line {
        if (position < before.size) return before[position]
        if (state.more && position > count - NEAR) onNear()
        var at = position - before.size
        for ((title, rows) in sections) {
            if (heads == 1 && at == 0) return Line.Head(context.getString(title, rows.size))
            at -= heads
            if (at < rows.size) return Line.Thing(numbers.of(rows[at].id), model(rows[at]))
            at -= rows.size
        }
        return Line.Note(state.data.words.inLang(lang))
    }

    /** What the sync does that was asked for here, or what it came to. */
    private fun head(): List<Line> {
        val syncing = state.syncing
        val report = syncing.report
        if (syncing.running) {
            val words = if (syncing.received == 0) R.string.sync_running else R.string.sync_running_received
            val model = RowModel(context.getString(words, syncing.received), Lead.Small(R.drawable.ic_refresh), action = context.getString(R.string.stop))
            return listOf(Line.Thing(STOP, model))
        }
        if (report == null) return emptyList()
        val icon = if (report.isSuccess) Lead.Small(R.drawable.ic_check_circle, Tone.SUCCESS.color) else Lead.Small(R.drawable.ic_info)
        val words = report.lines.map { it.inLang(lang) }
        val said = RowModel(words.firstOrNull() ?: context.getString(R.string.sync_done), icon, sub = words.drop(1).joinToString("\n").ifEmpty { null })
        val lines = arrayListOf<Line>(Line.Thing(REPORT, said))
        if (report.heldBack?.code in COSTS) {
            val use = RowModel(
                context.getString(R.string.sync_forced),
                Lead.Small(R.drawable.ic_signal, R.color.brand),
                sub = context.getString(R.string.sync_forced_sub, report.photosWaiting.toInt()),
                action = context.getString(R.string.sync_forced_do),
            )
            lines.add(Line.Thing(FORCED, use))
        }
        return lines
    }

    private fun model(row: QueueRow): RowModel {
        val now = state.today.now
        val sent = state.syncing.photo[row.id]
        val named = row.photosNamed.toInt()
        val share = sent?.let { ((row.photosSent.toInt() + it) / named.coerceAtLeast(1)).coerceIn(0f, 1f) }
        val mark = if (share == null) row.mark(lang) else State.SENDING.mark(context, tail = " ${(share * 100).roundToInt()}%")
        return RowModel(
            title = row.title(lang),
            lead = row.cover?.let(cover)?.let { Lead.Photo(it) } ?: row.kind.tile(),
            state = mark,
            sub = if (share == null) sub(row, now) else null,
            progress = share?.let { Part(it, Tone.INFO) },
            chevron = true,
        )
    }

    /** What the person may want to know besides the state: the time, the number, what a press does. */
    private fun sub(row: QueueRow, now: Moment): String {
        val made = momentWords(row.made, now)
        val photos = row.photosNamed.toInt().takeIf { it > 0 }?.let { context.count(R.plurals.waiting_photos, it) }
        val parts = when (row.state) {
            ItemState.RETURNED -> listOf(made, context.getString(if (row.kind == ItemKind.Report) R.string.open_to_mend else R.string.open_to_revise))
            ItemState.DRAFT -> listOf(made, photos, row.problem?.words?.inLang(lang))
            ItemState.LATER -> listOf(row.problem?.words?.inLang(lang), context.getString(R.string.kept_here))
            ItemState.QUEUED -> listOf(made, photos)
            ItemState.PHOTOS_PENDING -> listOf(made, row.missingPhotos(context, lang, now, state.photosWait))
            else -> listOf(row.number.takeIf { row.kind == ItemKind.Report || row.kind == ItemKind.Activity }, made)
        }
        return parts.filterNotNull().joinToString(" · ")
    }

    companion object {
        /** Rows that are no items. */
        const val STOP = 1L
        const val REPORT = 2L
        const val FORCED = 3L

        /** Rows before the end at which the next page is asked for. */
        private const val NEAR = 15

        /** What a person may set aside for one sync, because it only costs. */
        private val COSTS = setOf("policy.metered", "policy.roaming", "policy.wifi_only", "policy.budget")
    }
}

/** What the item is about; its kind when nothing was said. */
internal fun QueueRow.title(lang: Lang): String = summary.inLang(lang).ifEmpty { kindWords.inLang(lang) }
