package cn.xunge.app.pages

import android.content.Context
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import org.junit.Test
import org.junit.runner.RunWith

/** 是什么问题 in its states. */
@RunWith(XungeRunner::class)
class TypesGallery {
    private val first = TypesState(ReportSamples.pictures(1), ReportSamples.matters, null, "", 172, null, null)

    private fun page(state: TypesState): (Context) -> View = { TypesPage(StillHost(it), ReportSamples.draft).build(state) }

    @Test
    fun `six to press at once`() = Gallery.show("type", build = page(first))

    @Test
    fun `another type is chosen for a report with two photos`() =
        Gallery.show("type-change", build = page(first.copy(photos = ReportSamples.pictures(2), chosen = ReportSamples.matters[0].code)))

    @Test
    fun `a search finds`() =
        Gallery.show("type-search", build = page(first.copy(query = "jg", found = ReportSamples.matters.take(3), chosen = ReportSamples.matters[2].code)))

    @Test
    fun `a search finds nothing`() = Gallery.show("type-nothing", build = page(first.copy(query = "飞碟", found = emptyList())))

    @Test
    fun `no catalogue yet`() = Gallery.show("type-none", build = page(first.copy(frequent = emptyList(), all = 0)))
}
