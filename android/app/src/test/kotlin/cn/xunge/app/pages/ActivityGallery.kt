package cn.xunge.app.pages

import cn.xunge.app.Gallery
import cn.xunge.app.StillHost
import cn.xunge.app.Variant
import cn.xunge.app.XungeRunner
import cn.xunge.core.ActivityContent
import cn.xunge.core.Words
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(XungeRunner::class)
class ActivityGallery {
    private val filled = ActivityContent(
        "fitness", "秧歌鼓乐排练", WorkScene.at("2026-09-19T14:00:00"), WorkScene.at("2026-09-19T16:00:00"), "社区活动室，02-03-11 单元", "同光路西社区", 32u, "",
    )
    private val shots by lazy { listOf(WorkScene.shot(1), WorkScene.shot(2)) }

    /** Also the whole form at once, which is longer than a handset. */
    private val long = listOf(Variant("long", height = 1100), Variant("long-text200", text = 2f, height = 2000))

    private fun show(name: String, state: RecordState.Open) = Gallery.show(name, Variant.ALL + long) { context ->
        ActivityPage(StillHost(context), RecordOf.New).build(state)
    }

    private fun open(content: ActivityContent, returned: Words? = null, leftOut: Int = 0, work: DraftWork = DraftWork()) =
        RecordState.Open(content, WorkScene.now, returned, leftOut, work)

    @Test
    fun `an empty form`() = show("activity-empty", open(ActivityPresenter.NOTHING))

    @Test
    fun `a filled form`() = show("activity", open(filled, work = DraftWork(shots)))

    @Test
    fun `a returned record`() {
        val reason = Words("照片看不清横幅，请补一张全场的", "照片看不清横幅，请补一张全场的")
        show("activity-returned", open(filled, reason, leftOut = 1, work = DraftWork(shots.take(1))))
    }

    @Test
    fun `the times are refused`() {
        val why = WorkScene.why("activity.times", "结束时间要晚于开始时间，请改正", "the end must be later than the start")
        show("activity-fault", open(filled.copy(ends = filled.starts), work = DraftWork(shots, problem = why)))
    }
}
