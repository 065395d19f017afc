package cn.xunge.app.pages

import cn.xunge.app.XungeRunner
import cn.xunge.core.HandsetChange
import cn.xunge.core.ItemState
import cn.xunge.core.ScreenChanges
import cn.xunge.ids.EntryKey
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.MutableSharedFlow
import kotlinx.coroutines.flow.emptyFlow
import kotlinx.coroutines.flow.flowOf
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import java.util.Collections

/** What the pages of a report promise about drafts. */
@RunWith(XungeRunner::class)
class ReportDraftsTest {
    private val core = FakeReports()
    private val drafts = ReportDrafts(core, Dispatchers.IO)

    private fun begun(): EntryKey = runBlocking {
        drafts.begin {
            it.save()
            it.id()
        }
    }

    private fun submit(id: EntryKey) = SubmitPresenter(core, drafts, id, emptyFlow(), flowOf(Unit), Dispatchers.IO)

    @Test
    fun `what was entered is there for the page that comes next`() = runBlocking {
        val id = begun()
        submit(id).leave(Entered("地砖缺了", "同光路 118 号", selfHandled = true))
        val content = drafts.open(id) { it.content() }
        assertEquals(Triple("地砖缺了", "同光路 118 号", true), Triple(content.text, content.address, content.selfHandled))
    }

    @Test
    fun `a draft without anything leaves nothing behind, one with words stays`() = runBlocking {
        val empty = begun()
        submit(empty).run { leave(Entered("", " ", false)); gone() }
        eventually("it is gone") { empty !in core.saved }
        val words = begun()
        submit(words).run { leave(Entered("夜里看不见", "", false)); gone() }
        drafts.open(words) { assertEquals("夜里看不见", it.content().text) }
    }

    @Test
    fun `a refusal keeps what was entered, and the next press files it once`() = runBlocking {
        val id = begun()
        val presenter = submit(id)
        core.refuses = FakeReports.refusal("store.full")
        assertNull(presenter.submit(Entered("地砖缺了", "", false)))
        assertEquals("地砖缺了", core.saved.getValue(id).content.text)
        core.refuses = null
        assertEquals(id, presenter.submit(Entered("地砖缺了", "", false)))
        presenter.leave(Entered("later", "", false))
        drafts.begin { }
        assertEquals(listOf("地砖缺了"), core.filed.map { it.content.text })
        assertTrue(core.saved.isEmpty())
    }

    @Test
    fun `the page after submission says by itself that the server has it`() = runBlocking {
        core.row = ReportSamples.row(ItemState.QUEUED, "待上传", "Waiting", null)
        val changes = MutableSharedFlow<ScreenChanges>(extraBufferCapacity = 4)
        val seen = Collections.synchronizedList(ArrayList<String?>())
        val page = launch(Dispatchers.IO) { SentPresenter(core, changes, EntryKey("item"), Dispatchers.IO, { false }).states.collect { seen.add(it.row.number) } }
        eventually("it is saved") { seen.toList() == listOf(null) }
        core.row = ReportSamples.row(ItemState.RECEIVED, "已收到", "Received", "260923-R4YJ8W2M0C")
        changes.emit(ScreenChanges(listOf(HandsetChange.QUEUE), emptyList(), emptyList()))
        eventually("it is received") { seen.last() == "260923-R4YJ8W2M0C" }
        page.cancel()
    }

    @Test
    fun `a chosen type is in the draft`() = runBlocking {
        val id = begun()
        assertTrue(TypesPresenter(core, drafts, id, Dispatchers.IO).choose(ReportSamples.matters[1].code))
        assertEquals(ReportSamples.matters[1].code, core.saved.getValue(id).content.matter)
    }
}
