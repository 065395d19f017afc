package cn.xunge.app.pages

import cn.xunge.app.XungeRunner
import cn.xunge.core.ItemState
import cn.xunge.core.ScreenChanges
import cn.xunge.core.SyncTrigger
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.MutableSharedFlow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.emptyFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.yield
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

/** What 我报的 reads. */
@RunWith(XungeRunner::class)
class QueuePresenterTest {
    private val changes = MutableSharedFlow<ScreenChanges>(replay = 1)

    private fun presenter(handset: QueueOf) = QueuePresenter(handset, changes, emptyFlow(), Dispatchers.IO)

    @Test
    fun `what is returned stands above and not again below`() {
        val state = presenter(QueueOf(listOf(Scene.returned) + Scene.filed)).states.await { it.it != null }.it!!
        assertEquals(listOf(Scene.returned), state.needsYou)
        assertTrue(state.rows.none { it.state == ItemState.RETURNED })
    }

    @Test
    fun `use_a03 an answer that nobody has read stands first, and a refused withdrawal that was read stays in the list`() {
        val declined = Scene.declined
        val refused = Scene.returned.copy(id = cn.xunge.ids.EntryKey("w1"), kind = cn.xunge.core.ItemKind.Withdraw, awaitsReading = true)
        val read = refused.copy(id = cn.xunge.ids.EntryKey("w2"), awaitsReading = false)
        // The core names a refused withdrawal among what needs its author until it was read.
        val handset = object : QueueOf(listOf(refused, read, declined, Scene.returned)) {
            override fun queuePage(filter: cn.xunge.core.QueueFilter, after: ULong?, limit: UInt) =
                if (filter == cn.xunge.core.QueueFilter.NEEDS_YOU) listOf(refused, Scene.returned) else rows.filter { after == null }
        }
        val state = presenter(handset).states.await { it.it != null }.it!!
        assertEquals(listOf(refused, declined), state.unread)
        assertEquals(listOf(Scene.returned), state.needsYou)
        assertEquals(listOf(read), state.rows)
    }

    @Test
    fun `use_a17 what holds photos back now is said before what the rules will ask for`() {
        val handset = QueueOf(Scene.filed)
        fun waits() = presenter(handset).states.await { it.it != null }.it!!.photosWait
        assertEquals(PhotosWait.WIFI, waits())
        for ((code, waits) in listOf("policy.roaming" to PhotosWait.ROAMING, "policy.battery" to PhotosWait.BATTERY, "sync.off" to PhotosWait.SWITCHED_OFF)) {
            handset.held = code
            assertEquals(waits, waits())
        }
    }

    @Test
    fun `a thousand items are read by pages, each when its end comes near`() {
        val handset = QueueOf(Scene.many(1000))
        val presenter = presenter(handset)
        val first = presenter.states.await { it.it != null }.it!!
        assertTrue("${first.rows.size} at first", first.rows.size < 100)
        presenter.more(first)
        presenter.more(first)
        val second = presenter.states.await { it.it!!.rows.size > first.rows.size }.it!!
        assertEquals(2 * first.rows.size, second.rows.size)
        assertEquals("each page is read once", 2 * first.rows.size, handset.asked.sum())
        assertEquals("no row twice", second.rows.size, second.rows.distinctBy { it.id }.size)
    }

    @Test
    fun `after a change all pages are read again`() {
        val handset = QueueOf(Scene.many(200))
        val presenter = presenter(handset)
        val shown = MutableStateFlow<Read<QueueState>>(Read(null))
        runBlocking {
            val page = launch(Dispatchers.IO) { presenter.states.collect { shown.value = it } }
            shown.await { it.it != null }
            val first = shown.value.it!!
            presenter.more(first)
            shown.await { it.it!!.rows.size > first.rows.size }
            handset.rows = listOf(Scene.sending) + handset.rows
            changes.emit(change)
            shown.await { it.it!!.rows.first() == Scene.sending }
            assertEquals(2 * first.rows.size, shown.value.it!!.rows.size)
            page.cancel()
        }
    }

    @Test
    fun `a row keeps its number while others come and go`() {
        val numbers = Numbers()
        val before = numbers.of(Scene.sending.id)
        numbers.of(Scene.draft.id)
        assertEquals(before, numbers.of(Scene.sending.id))
        assertEquals(Scene.draft.id, numbers.item(numbers.of(Scene.draft.id)))
        assertNull(numbers.item(QueueLines.FORCED))
    }

    @Test
    fun `a refusal leaves what was read and says why`() {
        val handset = QueueOf(Scene.filed)
        val presenter = presenter(handset)
        runBlocking {
            val shown = MutableStateFlow<Read<QueueState>>(Read(null))
            val page = launch(Dispatchers.IO) { presenter.states.collect { shown.value = it } }
            // Only a page that has read something can keep it.
            shown.await { it.it != null }
            handset.broken = true
            while (shown.value.why == null) {
                changes.emit(change)
                yield()
            }
            assertEquals(Scene.filed.size, shown.value.it!!.rows.size)
            page.cancel()
        }
    }

    @Test
    fun `a sync tells what it came to, and nothing runs after it`() {
        val presenter = presenter(QueueOf(Scene.filed))
        runBlocking { presenter.sync(SyncTrigger.PERSON) }
        val syncing = presenter.states.await { it.it?.syncing?.report != null }.it!!.syncing
        assertEquals("policy.metered", syncing.report?.heldBack?.code)
        assertTrue(!syncing.running && syncing.photo.isEmpty())
    }
}
