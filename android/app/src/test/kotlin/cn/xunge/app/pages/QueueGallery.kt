package cn.xunge.app.pages

import android.content.Context
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.Variant
import cn.xunge.app.XungeRunner
import cn.xunge.core.ItemState
import cn.xunge.core.ProblemClass
import cn.xunge.core.SyncReport
import cn.xunge.core.Words
import org.junit.Test
import org.junit.runner.RunWith

/** 我报的 in its states. */
@RunWith(XungeRunner::class)
class QueueGallery {
    private val all = QueueState(
        Scene.today, listOf(Scene.returned), listOf(Scene.draft), Scene.filed, more = false, data = Scene.data,
        photosWait = PhotosWait.WIFI, syncing = Syncing(photo = mapOf(Scene.sending.id to .28f)),
    )

    private val delivered = Scene.filed.filter { it.state !in setOf(ItemState.QUEUED, ItemState.LATER, ItemState.PHOTOS_PENDING) }

    private fun page(state: QueueState): (Context) -> View = { QueuePage(MineHost(it)).build(Read(state)) }

    private fun report(success: Boolean, held: Boolean, vararg lines: Words) = SyncReport(
        isSuccess = success, lines = lines.toList(), entriesReceived = 2UL, entriesRefused = 0UL, photosReceived = 1UL, rowsPulled = 0UL,
        filesUpdated = 0UL, entriesWaiting = 0UL, photosWaiting = 5UL, bytesSent = 0UL, bytesReceived = 0UL,
        heldBack = if (held) Scene.why("policy.metered", ProblemClass.HELD_BACK, "", "") else null, problem = null, nextTry = null,
    )

    @Test
    fun `every state of an item`() = Gallery.show("queue", build = page(all))

    @Test
    fun `every state of an item to the end`() = Gallery.show("queue-all", Variant.ALL.map { it.copy(height = if (it.text > 1) 3600 else 1800) }, page(all))

    @Test
    fun `answers that nobody has read`() =
        Gallery.show("queue-unread", build = page(all.copy(unread = listOf(Scene.declined), drafts = emptyList(), rows = listOf(Scene.withdrawn) + Scene.filed)))

    @Test
    fun `nothing was reported yet`() = Gallery.show(
        "queue-empty",
        build = page(QueueState(Scene.today.copy(tasksOpen = 0u), emptyList(), emptyList(), emptyList(), false, Scene.data)),
    )

    @Test
    fun `a sync that runs`() = Gallery.show(
        "queue-syncing",
        build = page(all.copy(needsYou = emptyList(), drafts = emptyList(), syncing = Syncing(running = true, received = 1, photo = mapOf(Scene.sending.id to .28f)))),
    )

    @Test
    fun `a sync that left photos for Wi-Fi`() = Gallery.show(
        "queue-held",
        build = page(
            all.copy(
                needsYou = emptyList(), drafts = emptyList(),
                syncing = Syncing(
                    report = report(
                        false, true,
                        Words("本次送达：2 条内容", "Delivered now: 2 entries"),
                        Words("还没送达：5 张照片，都保存在本机", "Not delivered yet: 5 photos; everything is kept on this handset"),
                        Words("现在用的是流量，照片和新资料等 Wi-Fi 再传，文字已照常传", "this network is metered: photos and new files wait for an unmetered one (Wi-Fi); entries are sent as usual"),
                    ),
                ),
            ),
        ),
    )

    @Test
    fun `a sync that brought everything`() = Gallery.show(
        "queue-synced",
        build = page(all.copy(Scene.today.copy(itemsWaiting = 0u, photosWaiting = 0u), emptyList(), emptyList(), delivered, syncing = Syncing(report = report(true, false, Words("全部送达", "Everything has been delivered"))))),
    )

    @Test
    fun `a queue that cannot be read`() = Gallery.show("queue-unreadable") {
        QueuePage(MineHost(it)).build(Read(null, Scene.why("store.failed", ProblemClass.DEVICE, "本机数据读不出来，请重新打开巡格", "the data on this phone cannot be read; open Xunge again")))
    }
}
