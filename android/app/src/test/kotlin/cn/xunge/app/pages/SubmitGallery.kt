package cn.xunge.app.pages

import android.content.Context
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import cn.xunge.core.DraftCell
import cn.xunge.ids.PhotoHash
import org.junit.Test
import org.junit.runner.RunWith

/** 提交 in its states. */
@RunWith(XungeRunner::class)
class SubmitGallery {
    private val state = SubmitState(
        ReportSamples.matters[0], ReportSamples.pictures(2), ReportSamples.place, "10:24", isTimeTrusted = true,
        ReportSamples.content.copy(address = "同光路 118 号门前"), isBusy = false, refused = null, looked = null,
    )

    private fun page(state: SubmitState): (Context) -> View = { SubmitPage(StillHost(it), ReportSamples.draft).build(state) }

    @Test
    fun `everything is there`() = Gallery.show("submit", build = page(state))

    @Test
    fun `without an address, and with words`() = Gallery.show(
        "submit-words",
        build = page(state.copy(content = ReportSamples.content.copy(text = "地砖缺了 9 块，老人容易绊倒，夜里看不见。", selfHandled = true), place = ReportSamples.place.copy(cell = DraftCell(true, ReportSamples.cell("13"))))),
    )

    @Test
    fun `no fix and no type yet`() = Gallery.show(
        "submit-nofix",
        build = page(state.copy(matter = null, content = ReportSamples.content, place = ReportPlace(null, null, null), isTimeTrusted = false)),
    )

    @Test
    fun `the centre will doubt the fix`() = Gallery.show("submit-imprecise", build = page(state.copy(place = ReportSamples.place.copy(fix = WorkScene.bad))))

    @Test
    fun `a photo is missing`() = Gallery.show(
        "submit-photo-missing",
        build = page(
            state.copy(refused = Mends.PHOTOS to ReportSamples.why("photo.missing", "照片文件不在本机，请删除后重拍", "the photo's file is not on this handset; remove it and take it again")),
        ),
    )

    @Test
    fun `the storage is full`() = Gallery.show("submit-full", build = page(state.copy(refused = Mends.STORAGE to ReportSamples.full)))

    @Test
    fun `it is being saved`() = Gallery.show("submit-busy", build = page(state.copy(isBusy = true)))

    @Test
    fun `a photo is looked at`() =
        Gallery.show("submit-look", build = page(state.copy(looked = LookedAt(Picture(PhotoHash("0"), ReportSamples.files[0].readBytes()), 1))))
}
