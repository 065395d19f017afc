package cn.xunge.app.pages

import android.content.Context
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import cn.xunge.app.map.Area
import cn.xunge.core.Community
import cn.xunge.core.Place
import cn.xunge.core.PointE7
import cn.xunge.core.Street
import cn.xunge.ids.CellNumber
import cn.xunge.ids.CommunityNumber
import cn.xunge.ids.StreetNumber
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.emptyFlow
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

    private val drawn = DrawnGrid(ReportSamples.fix.point)
    private val here = drawn.cell(8, 8)
    private val map = PlaceMap(
        drawn.grid(), drawn.centre(8, 8).run { PointE7(lat + 3_000, lon - 500) }, 3_800u, null, null, null,
        listOf(here, drawn.cell(8, 9), drawn.cell(7, 8)).map { it.code },
    )
    private val around = Shelf.Near(
        listOf(
            CellOption(here, 0.0, isLikeliest = true),
            CellOption(drawn.cell(8, 9), 9.0, isLikeliest = false),
            CellOption(drawn.cell(7, 8), 31.0, isLikeliest = false),
        ),
    )

    private fun page(state: PlaceOfState): (Context) -> View = { context ->
        val core = FakeReports()
        PlaceOfPage(StillHost(context), ReportSamples.draft, PlaceOfPresenter(core, ReportDrafts(core, Dispatchers.IO), ReportSamples.draft, emptyFlow(), Dispatchers.IO)).build(state)
    }

    @Test
    fun `the cells around, on the map too`() = Gallery.show("place", build = page(PlaceOfState(around, here.code, hasPosition = true, null, map)))

    @Test
    fun `another cell was picked in the list`() =
        Gallery.show("place-picked", build = page(PlaceOfState(around, drawn.cell(7, 8).code, hasPosition = true, null, map)))

    @Test
    fun `the pin was moved to another cell`() = Gallery.show("place-pin", build = pinned(drawn.cell(9, 8).code, Place.In("2026-1", drawn.cell(9, 8), emptyList(), 0.0)))

    @Test
    fun `the pin is outside of the grid`() = Gallery.show("place-pin-outside", build = pinned(null, Place.Outside("2026-1", null, emptyList())))

    private fun pinned(cell: CellNumber?, under: Place): (Context) -> View {
        val at = drawn.centre(9, 8)
        return page(PlaceOfState(around, cell, hasPosition = true, null, map.copy(at = at, point = at, under = under, candidates = emptyList())))
    }

    @Test
    fun `chosen on the map without a fix`() {
        val (least, most) = drawn.centre(0, 0) to drawn.centre(15, 15)
        val extent = Area(minOf(least.lat, most.lat), least.lon, maxOf(least.lat, most.lat), most.lon)
        Gallery.show("place-nofix", build = page(PlaceOfState(Shelf.Near(emptyList()), null, hasPosition = false, null, map.copy(at = null, extent = extent, candidates = emptyList()))))
    }

    @Test
    fun `the cells around, before the map is there`() = Gallery.show("place-list", build = page(PlaceOfState(near, ReportSamples.cell("17").code, hasPosition = true, null)))

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
