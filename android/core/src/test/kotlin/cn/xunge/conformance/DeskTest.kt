package cn.xunge.conformance

import cn.xunge.client.changes
import cn.xunge.core.ActivityState
import cn.xunge.core.Answer
import cn.xunge.core.CancelToken
import cn.xunge.core.EntryId
import cn.xunge.core.Handset
import cn.xunge.core.ItemState
import cn.xunge.core.PhotoOrigin
import cn.xunge.core.QueueFilter
import cn.xunge.core.TaskPurpose
import cn.xunge.core.Withdrawal
import cn.xunge.core.use
import cn.xunge.ids.Moment
import cn.xunge.ids.TaskKey
import cn.xunge.ids.YearAndMonth
import java.time.LocalDate
import java.time.ZoneOffset
import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout

/** What comes back from the centre. */
@Timeout(120)
class DeskTest {
    /** Collects which tasks are announced while [work] runs. */
    private fun announced(handset: Handset, until: (List<TaskKey>) -> Boolean, work: () -> Unit): List<TaskKey> {
        val told = CopyOnWriteArrayList<TaskKey>()
        var begun = false
        val scope = CoroutineScope(Dispatchers.Default)
        scope.launch {
            handset.changes().collect {
                begun = true
                told += it.tasksArrived
            }
        }
        eventually("the flow begins") { begun }
        work()
        eventually("the announcement, got $told") { until(told) }
        scope.cancel()
        return told.toList()
    }

    private fun onDuty(): Pair<Field, Handset> {
        val field = Field(area = Rig.DUTY_AREA)
        val handset = field.enrol()
        handset.checkIn(field.here, "")
        assertTrue(handset.syncNow().isSuccess)
        return field to handset
    }

    private fun offDuty(field: Field, handset: Handset) {
        handset.checkOut(field.here, "")
        assertTrue(handset.syncNow().isSuccess)
    }

    @Test
    fun `c12 a task arrives and is announced once`() {
        val (field, handset) = onDuty()
        val first = TaskKey(Rig.task(Rig.DUTY_CELL, "健身器材是否完好"))
        val told = announced(handset, { first in it }) { assertTrue(handset.syncNow().isSuccess) }
        assertEquals(listOf(first), told)
        val task = handset.tasks().single()
        assertEquals("健身器材是否完好" to Rig.DUTY_CELL, task.wording to task.cell.text)
        assertTrue(task.purpose is TaskPurpose.Inspect)
        assertFalse(task.isSeen)
        assertTrue(handset.distanceTo(first, field.here.point)!!.metres < 1.0)

        handset.markSeen(listOf(first))
        assertTrue(handset.tasks().single().isSeen)
        // Another sync, another subscription and another process announce only what is new.
        val second = TaskKey(Rig.task(Rig.DUTY_CELL, "第二个任务"))
        assertEquals(listOf(second), announced(handset, { second in it }) { assertTrue(handset.syncNow().isSuccess) })
        handset.end()
        val again = field.open().openCurrent()
        val third = TaskKey(Rig.task(Rig.DUTY_CELL, "第三个任务"))
        assertEquals(listOf(third), announced(again, { third in it }) { assertTrue(again.syncNow().isSuccess) })
        assertEquals(listOf(first), again.tasks().filter { it.isSeen }.map { it.id })

        listOf(first, second, third).forEach { Rig.cancelTask(it.text) }
        assertTrue(again.syncNow().isSuccess)
        assertEquals(emptyList<Any>(), again.tasks())
        offDuty(field, again)
    }

    @Test
    fun `c13 an answer with a photo closes the task`() {
        val (field, handset) = onDuty()
        val task = TaskKey(Rig.task(Rig.DUTY_CELL, "是否清理"))
        assertTrue(handset.syncNow().isSuccess)
        assertFails("task.answer_unfit") { handset.answer(task, Answer.RECTIFIED) }
        val draft = handset.answer(task, Answer.TRUE)
        draft.text("已清理")
        draft.at(field.here)
        CancelToken().use { draft.addPhoto(Field.PHOTOS[0].path, PhotoOrigin.CAMERA, it) }
        draft.save()
        val back = handset.answerDraft(draft.id())
        assertEquals("已清理" to Answer.TRUE, back.content().let { it.text to it.answer })
        val filed = back.submit()
        assertEquals(filed.item, handset.tasks().single { it.id == task }.answered)
        assertFails("task.answered_already") { handset.answer(task, Answer.TRUE) }

        assertTrue(handset.syncNow().isSuccess)
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(emptyList<Any>(), handset.tasks())
        val there = Rig.taskState(task.text)
        assertEquals("answered" to "true", there.getValue("state").jsonPrimitive.content to there.getValue("answer").jsonPrimitive.content)
        assertEquals(ItemState.RECEIVED, handset.row(filed.item).state)
        offDuty(field, handset)
    }

    /** The author's new phone, to which a report of his lost one came back with these words. */
    private class Returned(text: String, words: String) {
        val handset: Handset
        val id: EntryId

        init {
            val lost = Field()
            val former = lost.enrol()
            id = former.file(text, lost.here, Field.PHOTOS.take(1))
            Rig.revoke(lost.phone.keys.stream!!.text)
            former.syncNow()
            assertFails("terminal.handed_over") { lost.core.openCurrent() }

            handset = Field(post = lost.post).enrol()
            assertEquals(listOf(id to ItemState.REVIEW), handset.needsYouElsewhere().map { it.id to it.state })
            Rig.refuse(id.text, words)
            assertTrue(handset.syncNow().isSuccess)
        }
    }

    @Test
    fun `c14 a rejected report comes back with the words of the centre`() {
        val back = Returned("照片不清", "照片看不清，请补拍")
        val row = back.handset.needsYouElsewhere().single()
        assertEquals(back.id to ItemState.RETURNED, row.id to row.state)
        assertTrue(row.reason!!.words.zh.contains("照片看不清，请补拍"), "${row.reason}")
        assertTrue(row.stateLine.zh.contains("照片看不清，请补拍"), row.stateLine.zh)
        assertTrue(row.summary.zh.contains("照片不清"), row.summary.zh)
        assertFalse(row.isFinished)
        assertEquals(1u, back.handset.today().returned)
    }

    @Test
    fun `c15 a returned report is revised as a new version of the same record`() {
        val back = Returned("井盖缺失", "请补拍")
        val handset = back.handset
        val record = handset.needsYouElsewhere().single().record
        val draft = handset.reviseReport(back.id)
        assertEquals("井盖缺失" to Field.MATTER, draft.content().text to draft.content().matter)
        assertEquals(0 to 1u, draft.photos().size to draft.photosLeftOut())
        draft.text("井盖缺失，已补拍")
        CancelToken().use { draft.addPhoto(Field.PHOTOS[1].path, PhotoOrigin.CAMERA, it) }
        val filed = draft.submit()
        assertEquals(record, filed.record)
        assertFails("item.unknown") { handset.reviseReport(back.id) }

        assertTrue(handset.syncNow().isSuccess)
        assertEquals(ItemState.RECEIVED, handset.row(filed.item).state)
        assertEquals(emptyList<Any>(), handset.needsYouElsewhere())
        assertEquals(0u, handset.today().returned)
        assertEquals(1, Rig.reports("井盖缺失，已补拍").single().photosHeld)
        assertFails("report.not_returned") { handset.reviseReport(filed.item) }
    }

    @Test
    fun `c16 a draft is discarded, an unsent report cancelled, a sent one withdrawn`() {
        val field = Field()
        val handset = field.enrol()
        val draft = handset.draft("草稿", field.here, Field.PHOTOS.take(1)).apply { save() }
        assertEquals(Withdrawal.DraftDiscarded, handset.withdraw(draft.id(), ""))
        assertEquals(emptyList<Any>(), handset.drafts())

        val unsent = handset.file("没有发出", field.here, Field.PHOTOS.take(1))
        assertEquals(Withdrawal.Cancelled, handset.withdraw(unsent, "看错了"))
        assertEquals(ItemState.CANCELLED, handset.row(unsent).state)
        val sent = handset.file("已经发出", field.here)
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(emptyList<Any>(), Rig.reports("没有发出"))

        val asked = handset.withdraw(sent, "看错了") as Withdrawal.Requested
        assertEquals(asked, handset.withdraw(sent, "看错了"))
        assertEquals(ItemState.WITHDRAWING, handset.row(sent).state)
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(ItemState.WITHDRAWN, handset.row(sent).state)
        assertTrue(Rig.reports("已经发出").single().isWithdrawn)
        assertFails("item.not_cancellable") { handset.withdraw(asked.id, "") }
    }

    @Test
    fun `c32 an activity record is returned, revised, approved and counted`() {
        val field = Field(role = "sports_manager")
        val handset = field.enrol()
        val day = LocalDate.now(ZoneOffset.ofHours(8)).minusDays(1)
        fun at(hour: Int) = Moment(day.atTime(hour, 0).toInstant(ZoneOffset.ofHours(8)).toEpochMilli())
        val draft = handset.newActivity()
        assertFails("activity.incomplete") { draft.submit() }
        draft.category("fitness")
        draft.title("社区健步走")
        draft.starts(at(9))
        draft.ends(at(11))
        draft.place("社区广场")
        draft.organiser("社区居委会")
        draft.participants(400u)
        CancelToken().use { draft.addPhoto(Field.PHOTOS[2].path, PhotoOrigin.CAMERA, it) }
        val filed = draft.submit()
        assertTrue(handset.syncNow().isSuccess)
        assertNull(handset.row(filed.item).reason)

        Rig.review(filed.record.text, 1, "人数与照片不符，请核实")
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(ItemState.RETURNED, handset.row(filed.item).state)
        assertTrue(handset.item(filed.item).reviewReason!!.contains("人数与照片不符"))
        val again = handset.reviseActivity(filed.record)
        assertEquals(400u to 1, again.content().participants to again.photos().size)
        again.participants(40u)
        val mended = again.submit()
        assertTrue(handset.syncNow().isSuccess)
        Rig.review(filed.record.text, 2)
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(ActivityState.APPROVED, handset.row(mended.item).review)
        val month = handset.month(YearAndMonth("%04d-%02d".format(day.year, day.monthValue)))
        assertEquals(listOf(1u, 1u, 0u, 0u), listOf(month.filed, month.approved, month.returned, month.waiting))
        assertFails("activity.approved") { handset.reviseActivity(filed.record) }
    }
}
