package cn.xunge.app.pages

import android.content.Context
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.XungeRunner
import cn.xunge.core.HistoryRow
import cn.xunge.core.ItemKind
import cn.xunge.core.Matter
import cn.xunge.core.Words
import cn.xunge.ids.EntryKey
import cn.xunge.ids.MatterNumber
import cn.xunge.ids.Moment
import cn.xunge.ids.RecordKey
import org.junit.Test
import org.junit.runner.RunWith

/** 历史 in its states. */
@RunWith(XungeRunner::class)
class HistoryGallery {
    private val road = Matter(MatterNumber("C0101"), "道路破损", "Damaged road surface")
    private val spoil = Matter(MatterNumber("E0107"), "积存垃圾渣土", "Heaped rubbish and spoil")
    private val rubbish = Matter(MatterNumber("E0102"), "暴露垃圾", "Exposed rubbish")

    private fun row(made: Moment, matter: Matter?, place: String, zh: String, en: String, case: String? = null, title: String = "", withdrawn: Boolean = false) = HistoryRow(
        cursor = "${made.millis}", stateWords = Words(zh, en), record = RecordKey("r${made.millis}"),
        kind = if (matter == null) ItemKind.Activity else ItemKind.Report, made = made, number = "260923-0Q9XB6T4HM", matter = matter?.code, cell = null,
        title = title, place = place, text = "", starts = null, ends = null, category = null, participants = null, caseState = case, review = null,
        isWithdrawn = withdrawn, reason = null, item = EntryKey("e"),
    )

    private val state = HistoryState(
        Scene.today,
        listOf(
            row(Scene.at(8, 56), spoil, "大兴社区", "处置中", "Being handled", "handling"),
            row(Scene.at(8, 40), road, "同光路 118 号", "结案", "Closed", "closed"),
            row(Scene.at(16, 20, day = 22), road, "宽平大路社区", "不立案", "Not filed", "not_filed"),
            row(Scene.at(15, 2, day = 22), rubbish, "西康路东社区", "已收到", "Received"),
            row(Scene.at(14, 0, day = 19), null, "社区活动室", "通过", "Approved", title = "秧歌鼓乐排练"),
            row(Scene.at(9, 0, day = 19), rubbish, "桂林胡同 6 号", "已撤回", "Withdrawn", withdrawn = true),
        ),
        more = false,
        names = listOf(road, spoil, rubbish).associateBy { it.code },
    )

    private fun page(state: HistoryState): (Context) -> View = { HistoryPage(MineHost(it)).build(Read(state)) }

    @Test
    fun `records by days`() = Gallery.show("history", build = page(state))

    @Test
    fun `a search finds among what was read`() = Gallery.show("history-search", build = page(state.copy(query = "道路")))

    @Test
    fun `no records`() = Gallery.show("history-empty", build = page(state.copy(rows = emptyList())))
}
