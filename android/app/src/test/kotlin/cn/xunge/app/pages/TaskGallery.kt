package cn.xunge.app.pages

import cn.xunge.app.Gallery
import cn.xunge.app.KitPages
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import cn.xunge.core.ProblemClass
import cn.xunge.core.TaskPurpose
import cn.xunge.ids.EntryKey
import cn.xunge.ids.PhotoHash
import cn.xunge.ids.TaskKey
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(XungeRunner::class)
class TaskGallery {
    private val picture = Picture(PhotoHash("b"), byteArrayOf(1))

    private fun show(name: String, state: TaskState) = Gallery.show(name) { context ->
        TaskPage(StillHost(context), TaskKey("t2")).apply { this.picture = this@TaskGallery.picture to KitPages.photo(context, 4, 720, 480) }.build(state)
    }

    @Test
    fun `is it mended`() = show("task", TaskState.Shown(WorkScene.now, WorkScene.soon, WorkScene.distance, Compare.Here(picture), null))

    @Test
    fun `is it true, late, and the photo has not come`() {
        val waiting = Compare.Waiting(WorkScene.at("2026-09-23T10:31:00"), WorkScene.why("network.offline", "没有网络", "No network", ProblemClass.NETWORK))
        show("task-late", TaskState.Shown(WorkScene.now, WorkScene.late, WorkScene.distance, waiting, null))
    }

    @Test
    fun `without a photo and without a fix`() = show("task-plain", TaskState.Shown(WorkScene.now, WorkScene.calm, null, Compare.Absent, null))

    @Test
    fun `another holder of the post has it`() =
        show("task-other", TaskState.Shown(WorkScene.now, WorkScene.soon.copy(otherHolder = "李四"), WorkScene.distance, Compare.Here(picture), null))

    @Test
    fun `answered already`() =
        show("task-answered", TaskState.Shown(WorkScene.now, WorkScene.soon.copy(answered = EntryKey("i1")), WorkScene.distance, Compare.Here(picture), null))

    @Test
    fun `a kind of a later version`() =
        show("task-newer", TaskState.Shown(WorkScene.now, WorkScene.calm.copy(purpose = TaskPurpose.Other("量一量")), WorkScene.distance, Compare.Absent, null))

    @Test
    fun `it is gone`() = show("task-gone", TaskState.Gone)
}
