package cn.xunge.app.pages

import cn.xunge.app.Gallery
import cn.xunge.app.KitPages
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import cn.xunge.core.ItemKind
import cn.xunge.core.ItemState
import cn.xunge.core.QueueRow
import cn.xunge.core.TaskPurpose
import cn.xunge.core.Words
import cn.xunge.ids.EntryKey
import cn.xunge.ids.PhotoHash
import cn.xunge.ids.RecordKey
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(XungeRunner::class)
class TasksGallery {
    private val open = listOf(
        OpenTask(WorkScene.late, Words("东 310 米", "310 m east"), isNew = false),
        OpenTask(WorkScene.soon, WorkScene.distance.words, isNew = false),
        OpenTask(WorkScene.fresh, Words("南 180 米", "180 m south"), isNew = true),
    )

    private fun answer(state: ItemState, words: Words) = QueueRow(
        EntryKey("i1"), RecordKey("r1"), 7u, null, false, true, Words("核查 已整改", "Check: rectified"), words, words, Words("反馈", "Answer"), state, null,
        ItemKind.Answer, null, WorkScene.at("2026-09-23T10:23:20"), 0u, 1u, null, null, null, null,
    )

    private val done = WorkScene.task("t5", TaskPurpose.Check, "非装饰性树挂", WorkScene.now, Words("已反馈", "Answered"), "西康路 9 号", photo = "d", answered = "i1")

    private fun show(name: String, state: TasksState) = Gallery.show(name) { context ->
        TasksPage(StillHost(context)).apply {
            listOf("a", "b", "c", "d").forEachIndexed { at, hash -> pictures[PhotoHash(hash)] = KitPages.photo(context, at + 1) }
        }.build(state)
    }

    @Test
    fun `tasks by due time`() = show("tasks", TasksState(WorkScene.now, WorkScene.here, open, emptyList()))

    @Test
    fun `one is with another holder of the post`() =
        show("tasks-other", TasksState(WorkScene.now, WorkScene.here, listOf(open[0], open[1].copy(task = WorkScene.soon.copy(otherHolder = "李四"))), emptyList()))

    @Test
    fun `an answer was given a moment ago`() {
        val row = answer(ItemState.QUEUED, Words("待上传", "To be sent"))
        show("tasks-answered", TasksState(WorkScene.now, WorkScene.here, open.take(2) + OpenTask(WorkScene.calm, null, false), listOf(AnsweredTask(done, row)), row))
    }

    @Test
    fun `its answer is received and no other task is open`() {
        val row = answer(ItemState.RECEIVED, Words("已收到", "Received"))
        show("tasks-received", TasksState(WorkScene.now, WorkScene.here, emptyList(), listOf(AnsweredTask(done, row)), row))
    }

    @Test
    fun `no task`() = show("tasks-none", TasksState(WorkScene.now, Here(null, null, null), emptyList(), emptyList()))

    @Test
    fun `tasks that cannot be read`() = show(
        "tasks-refused",
        TasksState(WorkScene.now, WorkScene.here, emptyList(), emptyList(), problem = WorkScene.why("store.damaged", "本机数据库损坏，请联系管理员", "The database of this handset is damaged; contact the administrator")),
    )
}
