package cn.xunge.app.pages

import cn.xunge.client.sync
import cn.xunge.core.DataUse
import cn.xunge.core.HandsetInterface
import cn.xunge.core.ItemKind
import cn.xunge.core.ItemState
import cn.xunge.core.QueueFilter
import cn.xunge.core.QueueRow
import cn.xunge.core.ScreenChanges
import cn.xunge.core.SyncProgress
import cn.xunge.core.SyncReport
import cn.xunge.core.SyncTrigger
import cn.xunge.core.Today
import cn.xunge.core.Watched
import cn.xunge.ids.EntryKey
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import java.util.concurrent.atomic.AtomicInteger

/**
 * What a sync does while the queue is shown.
 *
 * @param running a person asked for it here, and it runs
 * @param photo how far the photo is that is sent now, from 0 to 1, by its item
 * @param received items that arrived in this sync
 * @param report what the last one that was asked for here came to
 */
data class Syncing(
    val running: Boolean = false,
    val photo: Map<EntryKey, Float> = emptyMap(),
    val received: Int = 0,
    val report: SyncReport? = null,
)

/**
 * 我报的.
 *
 * @param unread final answers that nobody has read: not filed, or a withdrawal that was refused; opening one reads it
 * @param needsYou returned items, those from another handset too
 * @param rows the pages that were read, without what stands above
 * @param more older items follow
 */
data class QueueState(
    val today: Today,
    val needsYou: List<QueueRow>,
    val drafts: List<QueueRow>,
    val rows: List<QueueRow>,
    val more: Boolean,
    val data: DataUse,
    val syncing: Syncing = Syncing(),
    val photosWait: PhotosWait = PhotosWait.NETWORK,
    val unread: List<QueueRow> = emptyList(),
) {
    val isEmpty: Boolean get() = unread.isEmpty() && needsYou.isEmpty() && drafts.isEmpty() && rows.isEmpty()
}

/** @param events what the watch does by itself */
class QueuePresenter(
    private val handset: HandsetInterface,
    private val changes: Flow<ScreenChanges>,
    private val events: Flow<Watched>,
    private val io: CoroutineDispatcher,
) {
    private val reader = Reader(io)
    private val syncing = MutableStateFlow(Syncing())

    /** Items that are shown: a page more whenever the end comes near. */
    @Volatile
    private var wanted = PAGE

    /** Grows with each change, so that what was read before it is not kept. */
    private val changed = AtomicInteger()

    private class Pages(val changed: Int, val rows: List<QueueRow>)

    private var pages = Pages(0, emptyList())

    val states: Flow<Read<QueueState>> = callbackFlow {
        launch { events.collect { if (it is Watched.Progress) step(it.progress) } }
        launch {
            reader.states(changes.onEach { changed.incrementAndGet() }, ::read)
                .combine(syncing) { read, syncing -> read.copy(it = read.it?.copy(syncing = syncing)) }
                .collect { send(it) }
        }
        awaitClose()
    }

    private fun read(): QueueState {
        val wanted = wanted
        val drafts = handset.drafts()
        val needsYou = handset.queuePage(QueueFilter.NEEDS_YOU, null, MOST_RETURNED) + handset.needsYouElsewhere()
        val all = rows(wanted)
        return QueueState(
            today = handset.today(),
            unread = (needsYou + all).filter { it.awaitsReading }.distinctBy { it.id },
            needsYou = needsYou.filterNot { it.awaitsReading }.distinctBy { it.id },
            drafts = drafts,
            // A refused withdrawal that was read asks nothing more.
            rows = all.filter { !it.awaitsReading && (it.state != ItemState.RETURNED || it.kind == ItemKind.Withdraw) },
            more = all.size == wanted,
            data = handset.dataUse(),
            photosWait = handset.photosWait(),
        )
    }

    /** The newest [wanted] items: those that were read already, and behind them only what is missing. */
    private fun rows(wanted: Int): List<QueueRow> {
        val now = changed.get()
        val before = pages.takeIf { it.changed == now }?.rows.orEmpty()
        val missing = wanted - before.size
        if (missing <= 0) return before
        val all = before + handset.queuePage(QueueFilter.ALL, before.lastOrNull()?.n, missing.toUInt())
        pages = Pages(now, all)
        return all
    }

    /** Reads one page more. */
    fun more(state: QueueState) {
        val shown = state.rows.size + state.needsYou.size + state.unread.size
        if (!state.more || wanted > shown) return
        wanted += PAGE
        reader.again()
    }

    /** Syncs because a person asked; ends with the report in the state. */
    suspend fun sync(askedBy: SyncTrigger) {
        if (syncing.value.running) return
        syncing.value = Syncing(running = true)
        try {
            val report = reader.call { handset.sync(askedBy, ::step) }
            syncing.value = Syncing(report = report)
        } finally {
            syncing.update { it.copy(running = false, photo = emptyMap()) }
        }
    }

    private fun step(progress: SyncProgress) = syncing.update { now ->
        when (progress) {
            is SyncProgress.Photo -> now.copy(photo = mapOf(progress.item to part(progress.sent, progress.size)))
            is SyncProgress.PhotoReceived -> now.copy(photo = now.photo - progress.item)
            is SyncProgress.Received -> now.copy(received = now.received + progress.items.size)
            else -> now
        }
    }

    private fun part(sent: ULong, size: ULong) = if (size == 0UL) 0f else (sent.toDouble() / size.toDouble()).toFloat()

    private companion object {
        const val PAGE = 60

        /** More than a person can have. */
        val MOST_RETURNED = 200u
    }
}
