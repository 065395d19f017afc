package cn.xunge.app.pages

import android.graphics.Bitmap
import android.graphics.Color
import cn.xunge.app.XungeRunner
import cn.xunge.app.platform.Frame
import cn.xunge.app.platform.QrReader
import cn.xunge.core.Answer
import cn.xunge.core.Month
import cn.xunge.core.PhotoOrigin
import cn.xunge.ids.TaskKey
import cn.xunge.ids.YearAndMonth
import com.google.zxing.BarcodeFormat
import com.google.zxing.qrcode.QRCodeWriter
import java.io.File
import java.time.LocalDate
import java.time.YearMonth
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.emptyFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.flowOf
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith

/** What the work pages decide besides how they look. */
@RunWith(XungeRunner::class)
class WorkTest {
    @get:Rule
    val temporary = TemporaryFolder()

    private val io = Dispatchers.Default

    private fun tasks(handset: TaskHandset) = TasksPresenter(handset, emptyFlow(), flowOf(WorkScene.fix), io, flowOf(Unit))

    @Test
    fun `a clock warns from ten minutes or a third of the time, and is over after it`() {
        assertEquals(Due.CALM, due(600_001))
        assertEquals(Due.SOON, due(600_000))
        assertEquals(Due.SOON, due(0))
        assertEquals(Due.OVER, due(-1))
        assertEquals(Due.SOON, due(2_400_000, given = 7_200_000))
        assertEquals(Due.CALM, due(2_400_001, given = 7_200_000))
    }

    @Test
    fun `a new task is marked seen once it is shown, and stays new as long as its page`() = runBlocking {
        val handset = TaskHandset(listOf(WorkScene.late, WorkScene.fresh))
        val presenter = tasks(handset)
        val first = presenter.states.first()
        assertEquals(listOf(false, true), first.open.map { it.isNew })
        presenter.shown(first.open.filter { !it.task.isSeen }.map { it.task.id })
        assertEquals(listOf(WorkScene.fresh.id), handset.seen)
        assertEquals(listOf(false, true), presenter.states.first().open.map { it.isNew })
        assertEquals(listOf(false, false), tasks(handset).states.first().open.map { it.isNew })
    }

    @Test
    fun `answered tasks stand below, also when their item cannot be read`() = runBlocking {
        val done = WorkScene.calm.copy(answered = cn.xunge.ids.EntryKey("i1"))
        val state = tasks(TaskHandset(listOf(done, WorkScene.soon))).states.first()
        assertEquals(listOf(WorkScene.soon.id), state.open.map { it.task.id })
        assertEquals(listOf(done.id to null), state.answered.map { it.task.id to it.row })
    }

    @Test
    fun `a task that is not in the mailbox is gone`() = runBlocking {
        val presenter = TaskPresenter(TaskHandset(), TaskKey("t9"), emptyFlow(), emptyFlow(), io, flowOf(Unit))
        assertEquals(TaskState.Gone, presenter.states.first())
        assertEquals(TaskCameraState.Gone, TaskCameraPresenter(TaskHandset(), TaskKey("t9"), Answer.TRUE, io).states.first())
    }

    @Test
    fun `what was typed is kept when the page is left, and found by the next one`() = runBlocking {
        val handset = TaskHandset(listOf(WorkScene.soon))
        fun page() = TaskCameraPresenter(handset, WorkScene.soon.id, Answer.RECTIFIED, io)
        val left = page()
        left.states.first()
        assertFalse("nothing is kept yet", left.keeps())
        left.typed("已补铺 9 块")
        assertTrue("Back must say that it is kept", left.keeps())
        left.leave()
        // At once, as when the phone is turned: it must wait for the save.
        assertEquals("已补铺 9 块", (page().states.first() as TaskCameraState.Open).text)
    }

    @Test
    fun `an answer to which nothing was added leaves no draft`() = runBlocking {
        val handset = TaskHandset(listOf(WorkScene.soon))
        val presenter = TaskCameraPresenter(handset, WorkScene.soon.id, Answer.RECTIFIED, io)
        presenter.states.first()
        presenter.leave()
        Turns.take(io) {}
        assertTrue(handset.drafts.isEmpty())
    }

    @Test
    fun `a refused photo says why, its file is deleted, and the words go with the answer`() = runBlocking {
        val handset = TaskHandset(listOf(WorkScene.soon))
        val draft = FakeAnswer(Answer.RECTIFIED) {}
        handset.drafts[WorkScene.soon.id] = draft
        val presenter = TaskCameraPresenter(handset, WorkScene.soon.id, Answer.RECTIFIED, io)
        presenter.states.first()
        draft.refuses = "photo.unreadable"
        val file = temporary.newFile()
        presenter.add(NewPhoto(file, PhotoOrigin.CAMERA))
        assertFalse(file.exists())
        val refused = presenter.states.first { it is TaskCameraState.Open } as TaskCameraState.Open
        assertTrue(refused.work.shots.isEmpty())
        draft.refuses = null
        presenter.add(NewPhoto(temporary.newFile(), PhotoOrigin.CAMERA))
        presenter.typed("已补铺")
        assertNotNull(presenter.submit())
        assertEquals(listOf("已补铺"), draft.saved)
        assertEquals(1, draft.photos().size)
        // Filed: leaving saves nothing any more.
        presenter.leave()
        Turns.take(io) {}
        assertEquals(1, draft.saved.size)
    }

    @Test
    fun `fewer photos than asked for are asked about before filing, and nothing is refused`() = runBlocking {
        val handset = TaskHandset(listOf(WorkScene.soon))
        val draft = FakeAnswer(Answer.RECTIFIED) {}
        handset.drafts[WorkScene.soon.id] = draft
        val presenter = TaskCameraPresenter(handset, WorkScene.soon.id, Answer.RECTIFIED, io)
        presenter.states.first()
        assertNotNull("no photo", presenter.fewer())
        presenter.add(NewPhoto(temporary.newFile(), PhotoOrigin.CAMERA))
        assertNull(presenter.fewer())
        draft.asked = 2
        assertNotNull("one of two", presenter.fewer())
        assertNotNull(presenter.submit())
    }

    @Test
    fun `an answer that the core refuses says so`() = runBlocking {
        val handset = TaskHandset(listOf(WorkScene.soon.copy(answered = cn.xunge.ids.EntryKey("i1"))))
        val state = TaskCameraPresenter(handset, WorkScene.soon.id, Answer.RECTIFIED, io).states.first()
        assertEquals("task.answered_already", (state as TaskCameraState.Refused).why.code)
    }

    @Test
    fun `a month is what was approved, waits, or came back, and before the first record none is called missing`() {
        val today = LocalDate.of(2026, 3, 31)
        val months = listOf(
            Month(YearAndMonth("2026-03"), 0u, 0u, 0u, 0u),
            Month(YearAndMonth("2026-02"), 2u, 1u, 1u, 0u),
            Month(YearAndMonth("2026-01"), 2u, 0u, 1u, 1u),
            Month(YearAndMonth("2025-12"), 1u, 0u, 1u, 0u),
            Month(YearAndMonth("2025-11"), 0u, 0u, 0u, 0u),
        )
        val years = MonthsPresenter.years(today, months)
        assertEquals(listOf(2026, 2025), years.map { it.first })
        val states = years.flatMap { it.second }.associate { it.month to it.state }
        assertEquals(MonthIs.NOW, states[YearMonth.of(2026, 3)])
        assertEquals(MonthIs.DONE, states[YearMonth.of(2026, 2)])
        assertEquals(MonthIs.REVIEW, states[YearMonth.of(2026, 1)])
        assertEquals(MonthIs.RETURNED, states[YearMonth.of(2025, 12)])
        assertEquals(MonthIs.OPEN, states[YearMonth.of(2025, 11)])
        assertEquals(MonthIs.COMING, states[YearMonth.of(2026, 4)])
        assertEquals(0, MonthsState(today, years).daysLeft)
        assertEquals(MonthIs.NOW, MonthsState(today, years).now)
    }

    @Test
    fun `a past month without a record is missing once there was one before it`() {
        val today = LocalDate.of(2026, 9, 23)
        fun month(text: String, filed: UInt) = Month(YearAndMonth(text), filed, filed, 0u, 0u)
        fun states(vararg months: Month) = MonthsPresenter.years(today, months.toList()).flatMap { it.second }.associate { it.month to it.state }
        val some = states(month("2026-09", 0u), month("2026-08", 0u), month("2026-07", 1u), month("2026-06", 0u))
        assertEquals(MonthIs.NOW, some[YearMonth.of(2026, 9)])
        assertEquals(MonthIs.MISSING, some[YearMonth.of(2026, 8)])
        assertEquals("before the first record", MonthIs.OPEN, some[YearMonth.of(2026, 6)])
        assertTrue("nobody's month without any record", MonthIs.MISSING !in states(month("2026-09", 0u), month("2026-08", 0u)).values)
        val long = states(month("2026-08", 0u), month("2025-10", 0u), month("2025-01", 1u))
        assertEquals("a record before what is shown counts", MonthIs.MISSING, long[YearMonth.of(2025, 10)])
        assertTrue("more than a year back is not shown", YearMonth.of(2025, 1) !in long.keys)
    }

    @Test
    fun `the month changes at midnight in Shanghai`() {
        // 2026-09-30 16:00 in UTC.
        assertEquals(LocalDate.of(2026, 10, 1), WorkScene.at("2026-10-01T00:00:00").civilDate())
        assertEquals(LocalDate.of(2026, 9, 30), cn.xunge.ids.Moment(WorkScene.at("2026-10-01T00:00:00").millis - 1).civilDate())
    }

    @Test
    fun `a refusal stands at the field that the core asks for next`() {
        val nothing = ActivityPresenter.NOTHING
        assertEquals(RecordField.CATEGORY, faultOf("activity.incomplete", nothing))
        assertEquals(RecordField.PLACE, faultOf("activity.incomplete", nothing.copy(category = "fitness", title = "排练")))
        assertEquals(RecordField.ENDS, faultOf("activity.times", nothing))
        assertNull(faultOf("photo.missing", nothing))
    }

    @Test
    fun `a code is read from a picture, from a camera's picture and upside down, and a picture without one has none`() {
        val text = "xunge1:eyJ2IjoxLCJzZXJ2ZXIiOiJodHRwczovL3h1bmdlLmV4YW1wbGUiLCJjb2RlIjoiSzdQMEQzVlg1UUEifQ"
        val side = 600
        val code = QRCodeWriter().encode(text, BarcodeFormat.QR_CODE, side, side)
        val bitmap = Bitmap.createBitmap(side, side, Bitmap.Config.ARGB_8888)
        val bright = ByteArray(side * side)
        for (y in 0 until side) for (x in 0 until side) {
            bitmap.setPixel(side - 1 - x, side - 1 - y, if (code.get(x, y)) Color.BLACK else Color.WHITE)
            bright[y * side + x] = if (code.get(x, y)) 20 else 120
        }
        assertEquals(text, QrReader.read(png(bitmap)))
        assertEquals(text, QrReader.read(Frame(side, side, bright)))
        assertNull(QrReader.read(png(Bitmap.createBitmap(80, 80, Bitmap.Config.ARGB_8888))))
        assertNull(QrReader.read(temporary.newFile().apply { writeText("no picture") }))
    }

    private fun png(bitmap: Bitmap): File = temporary.newFile().apply { outputStream().use { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) } }
}
