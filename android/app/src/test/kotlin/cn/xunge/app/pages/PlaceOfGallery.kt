package cn.xunge.app.pages

import android.content.Context
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import cn.xunge.core.Community
import cn.xunge.core.Street
import cn.xunge.ids.CommunityNumber
import cn.xunge.ids.StreetNumber
import org.junit.Test
import org.junit.runner.RunWith

/** 在哪个单元 in its states. */
@RunWith(XungeRunner::class)
class PlaceOfGallery {
    private val near = Shelf.Near(
        listOf(
            CellOption(ReportSamples.cell("17"), 0.0, isLikeliest = true),
            CellOption(ReportSamples.cell("13"), 9.0, isLikeliest = false),
            CellOption(ReportSamples.cell("16"), 31.0, isLikeliest = false),
        ),
    )
    private val streets = listOf("永昌街道" to 126u, "重庆街道" to 117u, "清和街道" to 141u, "红旗街道" to 165u, "桂林街道" to 152u, "南湖街道" to 203u)
        .mapIndexed { at, (name, cells) -> Street(StreetNumber("22010400$at"), name, cells) }

    private fun page(state: PlaceOfState): (Context) -> View = { PlaceOfPage(StillHost(it), ReportSamples.draft).build(state) }

    @Test
    fun `the cells around`() = Gallery.show("place", build = page(PlaceOfState(near, ReportSamples.cell("17").code, hasPosition = true, null)))

    @Test
    fun `the streets, without a fix`() = Gallery.show("place-streets", build = page(PlaceOfState(Shelf.Streets(streets), null, hasPosition = false, null)))

    @Test
    fun `the communities of a street`() = Gallery.show(
        "place-communities",
        build = page(
            PlaceOfState(
                Shelf.Communities(streets[4], listOf("同光路东社区", "同光路西社区", "湖光社区").mapIndexed { at, name -> Community(CommunityNumber("22010402$at"), name, 18u) }),
                null, hasPosition = true, null,
            ),
        ),
    )

    @Test
    fun `the cells of a community, none picked`() = Gallery.show(
        "place-cells",
        build = page(
            PlaceOfState(
                Shelf.Cells(Community(CommunityNumber("2201040203"), "同光路东社区", 4u), listOf("01", "02", "03", "04").map { CellOption(ReportSamples.cell(it), null, isLikeliest = false) }),
                null, hasPosition = false, null,
            ),
        ),
    )

    @Test
    fun `no grid yet`() = Gallery.show("place-nogrid", build = page(PlaceOfState(Shelf.Streets(emptyList()), null, hasPosition = true, null)))
}
