package cn.xunge.app.pages

import android.content.Context
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import cn.xunge.core.ItemState
import org.junit.Test
import org.junit.runner.RunWith

/** What comes after a report was filed. */
@RunWith(XungeRunner::class)
class SentGallery {
    private val saved = SentState(ReportSamples.row(ItemState.QUEUED, "待上传", "Waiting", null), ReportSamples.pictures(1)[0], 2, 1_360_000, 0, waitsForWifi = true)

    private fun page(state: SentState): (Context) -> View = { SentPage(StillHost(it), ReportSamples.draft).build(state) }

    @Test
    fun `it is on this phone`() = Gallery.show("sent", build = page(saved))

    @Test
    fun `the server has it, and one of two photos`() = Gallery.show(
        "sent-received",
        build = page(
            saved.copy(row = ReportSamples.row(ItemState.PHOTOS_PENDING, "已收到，照片 1/2", "Received, photos 1/2", "260923-R4YJ8W2M0C"), sent = 870_000),
        ),
    )
}
