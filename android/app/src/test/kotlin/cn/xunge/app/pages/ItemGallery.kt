package cn.xunge.app.pages

import android.content.Context
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.KitPages
import cn.xunge.app.XungeRunner
import cn.xunge.core.Cell
import cn.xunge.core.Item
import cn.xunge.core.ItemContent
import cn.xunge.core.ItemKind
import cn.xunge.core.ItemState
import cn.xunge.core.Place
import cn.xunge.core.PointE7
import cn.xunge.core.Position
import cn.xunge.core.QueueRow
import cn.xunge.core.Words
import cn.xunge.ids.CellNumber
import cn.xunge.ids.MatterNumber
import cn.xunge.ids.PhotoHash
import cn.xunge.ids.TaskKey
import org.junit.Test
import org.junit.runner.RunWith

/** One item in its states. */
@RunWith(XungeRunner::class)
class ItemGallery {
    private val position = Position(PointE7(438_700_000, 1_253_200_000), 900u, "gps", false, Scene.at(9, 20, 12))
    private val cell = Cell("06-03-11 桂林街道 青云社区", CellNumber("220104060311"), "桂林街道", "青云社区")
    private val said = ItemContent.Report(MatterNumber("E0512"), "三只鸡养在楼道窗台下。", position, cell.code, "安达街 31 号", false)
    private val shots = listOf(ItemShot(PhotoHash("a1"), true, null), ItemShot(PhotoHash("b2"), false, null))

    private fun view(row: QueueRow, content: ItemContent = said, versions: List<QueueRow> = emptyList(), case: String? = null) = ItemView(
        row = row,
        item = if (row.state == ItemState.DRAFT) null else Item(row, content, position, emptyList(), case, null, versions),
        content = content,
        position = position,
        place = Place.In("2026-08", cell, emptyList(), 0.0),
        shots = shots,
        now = Scene.now,
    )

    private fun page(view: ItemView): (Context) -> View = { context ->
        val pictures = mapOf(PhotoHash("a1") to KitPages.photo(context, 3), PhotoHash("b2") to KitPages.photo(context, 5))
        ItemPage(MineHost(context), view.row.id).build(Read(ItemShown(view, pictures)))
    }

    @Test
    fun `a returned report`() = Gallery.show("mend", build = page(view(Scene.returned)))

    @Test
    fun `a report that was received and has a case`() {
        val row = Scene.row(ItemState.RECEIVED, "道路破损", "Damaged road surface", "已收到，处置中", "Received, being handled", made = Scene.at(8, 40), number = "260923-7M2NA1C8XQ", case = "handling")
        val before = Scene.row(ItemState.REVISED, "道路破损", "Damaged road surface", "被退回，已修改", "Returned, revised", made = Scene.at(8, 10))
        Gallery.show("item", build = page(view(row, versions = listOf(before, row), case = "长朝 2026-09-1184")))
    }

    @Test
    fun `a report with a fix that the centre doubts`() {
        val row = Scene.filed.first { it.state == ItemState.RECEIVED }
        val item = view(row)
        Gallery.show("item-imprecise", build = page(item.copy(item = item.item!!.copy(fix = WorkScene.bad))))
    }

    @Test
    fun `a report that was not filed`() = Gallery.show("item-not-filed", build = page(view(Scene.declined)))

    @Test
    fun `a report whose photos are not all there`() {
        val row = Scene.filed.first { it.state == ItemState.PHOTOS_PENDING }
            .copy(photosNamed = 2u, stateWords = Words("已收到，照片 1/2", "Received, photos 1 of 2"))
        Gallery.show("item-photos-pending", build = page(view(row).copy(photosWait = PhotosWait.WIFI)))
    }

    @Test
    fun `a case that is closed`() = Gallery.show("item-closed", build = page(view(Scene.filed.first { it.caseState == "closed" }, case = "长朝 2026-09-1184").copy(shots = shots.map { it.copy(sent = true) })))

    @Test
    fun `a report that waits to be sent`() = Gallery.show("item-queued", build = page(view(Scene.sending)))

    @Test
    fun `an answer in review`() {
        val row = Scene.filed.first { it.state == ItemState.REVIEW }
        Gallery.show("item-review", build = page(view(row, ItemContent.TaskAnswer(TaskKey("t"), cn.xunge.core.Answer.RECTIFIED, "护栏已经换新。"))))
    }

    @Test
    fun `an activity record that was returned`() {
        val row = Scene.row(ItemState.RETURNED, "秧歌鼓乐排练", "Yangge rehearsal", "被退回：看不清横幅", "Returned: the banner cannot be read", ItemKind.Activity, Scene.at(15, 10, day = 19), reason = Scene.why("activity.returned", cn.xunge.core.ProblemClass.REFUSED, "照片看不清横幅", "the banner cannot be read in the photo"))
        val content = ItemContent.Activity("culture", "秧歌鼓乐排练", Scene.at(14, 0, day = 19), Scene.at(15, 30, day = 19), "社区活动室", "同光路西社区", 32u, "")
        Gallery.show("item-activity", build = page(view(row, content)))
    }

    @Test
    fun `a draft`() = Gallery.show("item-draft", build = page(view(Scene.draft, said.copy(matter = null, text = ""))))

    @Test
    fun `a withdrawal is asked for`() = Gallery.show("item-withdraw", build = page(view(Scene.returned).copy(act = ItemAct.WITHDRAWING)))

    @Test
    fun `a draft is about to be discarded`() = Gallery.show("item-discard", build = page(view(Scene.draft).copy(act = ItemAct.WITHDRAWING)))

    @Test
    fun `a photo is enlarged`() = Gallery.show("item-photo") { context ->
        ItemPage(MineHost(context), Scene.returned.id).build(Read(ItemShown(view(Scene.returned), emptyMap(), Large(1, KitPages.photo(context, 3, 720, 540)))))
    }
}
