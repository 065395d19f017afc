package cn.xunge.app.pages

import cn.xunge.app.Gallery
import cn.xunge.app.KitPages
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import cn.xunge.core.Answer
import cn.xunge.ids.PhotoHash
import cn.xunge.ids.TaskKey
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(XungeRunner::class)
class TaskCameraGallery {
    private val compare = Compare.Here(Picture(PhotoHash("b"), byteArrayOf(1)))
    private val shots by lazy { listOf(WorkScene.shot(1), WorkScene.shot(2)) }

    private fun show(name: String, state: TaskCameraState, answer: Answer = Answer.RECTIFIED) = Gallery.show(name) { context ->
        TaskCameraPage(StillHost(context), TaskKey("t2"), answer).apply { before = KitPages.photo(context, 4, 720, 480) }.build(state)
    }

    @Test
    fun `nothing taken yet`() = show("taskcam", TaskCameraState.Open("道路破损：人行道地砖缺失", compare, "", DraftWork()))

    @Test
    fun `two photos and words`() = show("taskcam-ready", TaskCameraState.Open("道路破损：人行道地砖缺失", compare, "已补铺 9 块", DraftWork(shots)))

    @Test
    fun `without a photo before, a photo is being prepared`() =
        show("taskcam-busy", TaskCameraState.Open("道路积水", Compare.Absent, "", DraftWork(shots.take(1), busy = true)), Answer.TRUE)

    @Test
    fun `the photo is refused`() {
        val why = WorkScene.why("photo.unreadable", "这张照片读不出来，请重拍", "This photo cannot be read; take it again")
        show("taskcam-problem", TaskCameraState.Open("道路破损：人行道地砖缺失", compare, "", DraftWork(problem = why)))
    }

    @Test
    fun `it was answered meanwhile`() = show(
        "taskcam-refused",
        TaskCameraState.Refused(WorkScene.why("task.answered_already", "这个任务您已反馈过，不用再反馈；要更正请先撤回", "you have already answered this task; to correct the answer, withdraw it first")),
    )
}
