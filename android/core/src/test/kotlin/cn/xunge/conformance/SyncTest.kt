package cn.xunge.conformance

import cn.xunge.client.sync
import cn.xunge.core.CancelToken
import cn.xunge.core.Handset
import cn.xunge.core.ItemState
import cn.xunge.core.SyncProgress
import cn.xunge.core.SyncReport
import cn.xunge.core.SyncTrigger
import cn.xunge.core.use
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.assertThrows
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.concurrent.thread

@Timeout(120)
class SyncTest {
    @AfterEach
    fun `the line is good again`() = Rig.line("good")

    @Test
    fun `c09 syncs over a line that keeps breaking deliver everything once`() {
        val field = Field()
        val handset = field.enrol()
        val photos = Field.PHOTOS.take(3)
        val texts = listOf("断线一", "断线二", "断线三")
        val ids = texts.mapIndexed { n, text -> handset.file(text, field.here, photos.take(n + 1)) }
        // Further each time: handshake, entries with a lost answer, photos that stop in the middle.
        val cuts = listOf("cut_up" to 900L, "cut_down" to 2_000L, "cut_up" to 40_000L, "cut_up" to 90_000L, "cut_down" to 2_500L)
        for ((fault, bytes) in cuts) {
            val faults = Rig.faults()
            Rig.line(fault, bytes)
            val report = handset.syncNow()
            assertFalse(report.isSuccess, "$fault $bytes: $report")
            assertTrue(Rig.faults() > faults, "$fault $bytes must happen")
        }
        Rig.line("good")
        val report = handset.syncNow()
        assertTrue(report.isSuccess, "$report")
        for ((n, text) in texts.withIndex()) {
            assertEquals(listOf(n + 1 to n + 1), Rig.reports(text).map { it.photosNamed to it.photosHeld }, text)
        }
        assertEquals(listOf(ItemState.RECEIVED), ids.map { handset.row(it).state }.distinct())
        assertEquals(0u to 0u, handset.today().let { it.itemsWaiting to it.photosWaiting })
    }

    @Test
    fun `c10 when a metered network appears during a sync photos wait and entries go`() {
        val field = Field()
        val handset = field.enrol()
        assertTrue(handset.networkSettings().wifiOnlyPhotos)
        val first = handset.file("流量之前", field.here, Field.PHOTOS.take(3))
        val report = handset.syncNow { progress ->
            if (progress is SyncProgress.Received) field.phone.surroundings.network = FakeSurroundings.METERED
        }
        assertEquals("policy.metered", report.heldBack?.code)
        assertEquals(listOf(3 to 0), Rig.reports("流量之前").map { it.photosNamed to it.photosHeld })
        assertEquals(ItemState.PHOTOS_PENDING, handset.row(first).state)

        handset.file("流量之中", field.here, Field.PHOTOS.take(1))
        assertEquals(1uL, handset.syncNow().entriesReceived)
        assertEquals(listOf(0), Rig.reports("流量之中").map { it.photosHeld })
        assertTrue(handset.dataUse().metered > 0uL, "metered bytes are counted")

        field.phone.surroundings.network = FakeSurroundings.FREE
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(listOf(3, 1), listOf("流量之前", "流量之中").map { Rig.reports(it).single().photosHeld })
    }

    @Test
    fun `c11 the receipt number and the end of the case reach the author`() {
        val field = Field()
        val handset = field.enrol()
        val id = handset.file("受理号", field.here, Field.PHOTOS.take(2))
        assertNull(handset.row(id).number)
        val told = CopyOnWriteArrayList<SyncProgress>()
        assertTrue(handset.syncNow { told += it }.isSuccess)
        assertEquals(id, told.filterIsInstance<SyncProgress.Received>().single().items.single())
        assertEquals(setOf(0u, 1u), told.filterIsInstance<SyncProgress.PhotoReceived>().map { it.position }.toSet())

        val row = handset.row(id)
        val there = Rig.reports("受理号").single()
        assertEquals(there.number, row.number)
        assertEquals(2u to 2u, row.photosSent to row.photosNamed)
        assertEquals(listOf(true, true), handset.item(id).photos.map { it.received != null && it.sent == it.size })
        assertTrue(row.stateLine.zh.contains(there.number), row.stateLine.zh)

        Rig.decline(there.number, "不属于本市管辖")
        assertTrue(handset.syncNow().isSuccess)
        val ended = handset.row(id)
        assertEquals(Rig.reports("受理号").single().state, ended.caseState)
        assertFalse(ended.isFinished, "the reason is shown until it was read")
        handset.item(id)
        assertTrue(handset.row(id).isFinished, "${handset.row(id)}")
        assertEquals(there.number, handset.history(null, 10u).single { it.item == id }.number)
    }

    @Test
    fun `c18 a second caller joins the sync that runs`() {
        val field = Field()
        val handset = field.enrol()
        handset.file("一起同步", field.here, Field.PHOTOS.take(1))
        field.phone.surroundings.network = FakeSurroundings.METERED
        val second = CompletableFuture<SyncReport>()
        val heard = CopyOnWriteArrayList<SyncProgress>()
        val begun = AtomicBoolean()
        // The first caller may not send photos; while it is held up, a person joins who may.
        val first = handset.syncNow(SyncTrigger.AUTOMATIC) {
            if (!begun.getAndSet(true)) {
                thread(name = "joiner") {
                    second.complete(handset.syncNow(SyncTrigger.FORCED) { heard += it })
                }
                // A caller that waits for another's run looks ten times a second whether it was cancelled.
                eventually("the second caller waits") { NativeThreads.wakeUps("joiner") >= 15 }
            }
        }
        assertEquals(first, second.get(30, TimeUnit.SECONDS))
        assertEquals(1uL, first.photosReceived, "the second caller's leave counts: $first")
        assertTrue(heard.any { it is SyncProgress.PhotoReceived })
        assertEquals(1, Rig.reports("一起同步").single().photosHeld)
    }

    /** What a cancel must not change. */
    private fun queueOf(handset: Handset) =
        handset.queue().map { row -> listOf(row.id, row.state, row.made, row.problem, row.nextTry, row.photosSent) }

    @Test
    fun `c29 a sync that is cancelled before it begins does not begin`() {
        val field = Field()
        val handset = field.enrol()
        handset.file("先取消", field.here)
        val before = queueOf(handset)
        val sent = Rig.bytesSent()
        CancelToken().use { token ->
            token.cancel()
            assertFails("call.cancelled") { handset.sync(SyncTrigger.PERSON, token, listener {}) }
        }
        runBlocking {
            val syncing = async(Dispatchers.Default, CoroutineStart.LAZY) { handset.sync(SyncTrigger.PERSON) }
            syncing.cancel()
            assertThrows<CancellationException> { syncing.await() }
        }
        assertEquals(before to sent, queueOf(handset) to Rig.bytesSent())
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(1, Rig.reports("先取消").size)
    }

    @Test
    fun `c30 a sync that is cancelled while the line is silent ends soon`() {
        val field = Field()
        val handset = field.enrol()
        handset.file("途中取消", field.here, Field.PHOTOS.take(2))
        val before = queueOf(handset)
        val faults = Rig.faults()
        Rig.line("stall", 100)
        runBlocking {
            val syncing = async(Dispatchers.Default) { handset.sync(SyncTrigger.PERSON) }
            eventually("the line stalls") { Rig.faults() > faults }
            val cancelled = System.nanoTime()
            syncing.cancel()
            assertThrows<CancellationException> { syncing.await() }
            assertTrue(System.nanoTime() - cancelled < 3_000_000_000, "must end soon")
        }
        assertEquals(before, queueOf(handset))
        Rig.line("good")
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(2, Rig.reports("途中取消").single().photosHeld)
    }

    @Test
    fun `c31 a cancel after the sync changes nothing`() {
        val field = Field()
        val handset = field.enrol()
        handset.file("后取消", field.here)
        val token = CancelToken()
        assertTrue(handset.sync(SyncTrigger.PERSON, token, listener {}).isSuccess)
        val before = queueOf(handset)
        token.cancel()
        assertEquals(before, queueOf(handset))
        assertTrue(handset.syncNow().isSuccess)
        assertFalse(Rig.reports("后取消").single().isWithdrawn)
    }
}
