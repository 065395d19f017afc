package cn.xunge.app.pages

import cn.xunge.core.CancelToken
import cn.xunge.core.DataUse
import cn.xunge.core.Handset
import cn.xunge.core.ItemState
import cn.xunge.core.NoHandle
import cn.xunge.core.ProblemClass
import cn.xunge.core.QueueFilter
import cn.xunge.core.QueueRow
import cn.xunge.core.ScreenChanges
import cn.xunge.core.SyncListener
import cn.xunge.core.SyncProgress
import cn.xunge.core.SyncReport
import cn.xunge.core.SyncTrigger
import cn.xunge.core.Today
import cn.xunge.core.XungeException
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

/** The core refuses, as if its store had failed. */
internal fun refusedBy(code: String = "store.failed") =
    XungeException.Failed(Scene.why(code, ProblemClass.DEVICE, "本机数据读不出来", "the data on this phone cannot be read"), emptyMap())

internal val change = ScreenChanges(emptyList(), emptyList(), emptyList())

/** The first state that holds what is waited for, within ten seconds. */
internal fun <T> Flow<T>.await(holds: (T) -> Boolean): T = runBlocking { withTimeout(10_000) { first { holds(it) } } }

/** A handset with a queue. */
internal open class QueueOf(var rows: List<QueueRow>) : Handset(NoHandle) {
    @Volatile
    var broken = false

    /** The numbers of rows that were asked for. */
    val asked = ArrayList<Int>()

    override fun queuePage(filter: QueueFilter, after: ULong?, limit: UInt): List<QueueRow> {
        if (broken) throw refusedBy()
        if (filter == QueueFilter.NEEDS_YOU) return rows.filter { it.state == ItemState.RETURNED }
        asked.add(limit.toInt())
        val from = if (after == null) 0 else rows.indexOfFirst { it.n == after } + 1
        return rows.drop(from).take(limit.toInt())
    }

    var held: String? = null

    override fun heldBack() = held?.let { Scene.why(it, ProblemClass.HELD_BACK, "", "") }

    override fun networkSettings() = Scene.rules

    override fun drafts(): List<QueueRow> = listOf(Scene.draft)

    override fun needsYouElsewhere(): List<QueueRow> = emptyList()

    override fun today(): Today = Scene.today

    override fun dataUse(): DataUse = Scene.data

    override fun sync(askedBy: SyncTrigger, cancel: CancelToken, listener: SyncListener): SyncReport {
        listener.onProgress(SyncProgress.Photo(Scene.sending.id, 0u, 1UL, 4UL))
        return report(forced = askedBy == SyncTrigger.FORCED)
    }

    fun report(forced: Boolean) = SyncReport(
        isSuccess = forced, lines = emptyList(), entriesReceived = 0UL, entriesRefused = 0UL, photosReceived = 0UL,
        rowsPulled = 0UL, filesUpdated = 0UL, entriesWaiting = 0UL, photosWaiting = 1UL, bytesSent = 0UL, bytesReceived = 0UL,
        heldBack = Scene.why("policy.metered", ProblemClass.HELD_BACK, "", "").takeIf { !forced }, problem = null, nextTry = null,
    )
}
