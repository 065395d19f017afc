package cn.xunge.app.pages

import android.content.Context
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import cn.xunge.app.map.Area
import cn.xunge.core.Candidate
import cn.xunge.core.CellNearby
import cn.xunge.core.MapDetail
import cn.xunge.core.Place
import cn.xunge.core.PointE7
import cn.xunge.core.TaskDistance
import cn.xunge.core.Words
import cn.xunge.ids.CellNumber
import cn.xunge.ids.TaskKey
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.emptyFlow
import org.junit.Test
import org.junit.runner.RunWith

/** 地图 in its states. */
@RunWith(XungeRunner::class)
class MapGallery {
    private val drawn = DrawnGrid(WorkScene.point)
    private val own = drawn.cell(8, 8)
    private val fix = WorkScene.fix.copy(point = drawn.centre(8, 8).run { PointE7(lat - 900, lon + 1200) })
    private val here = Here(Place.In("2026-1", own, emptyList(), 0.0), fix, null)

    private fun task(of: cn.xunge.core.FieldTask, i: Int, j: Int, words: Words, metres: Double) =
        MapTask(of.copy(place = drawn.centre(i, j), cell = drawn.cell(i, j).code), TaskDistance(words, metres, 0.0))

    private val tasks = listOf(
        task(WorkScene.soon, 7, 9, Words("西北 140 米", "140 m northwest"), 140.0),
        task(WorkScene.fresh, 9, 7, Words("东南 150 米", "150 m southeast"), 150.0),
        task(WorkScene.late, 9, 9, Words("东北 160 米", "160 m northeast"), 160.0),
        task(WorkScene.calm, 12, 8, Words("东 390 米", "390 m east"), 390.0),
    )
    private val state = MapState(WorkScene.now, here, fix.point, true, drawn.grid(), null, tasks, null, null)

    private fun page(state: MapState): (Context) -> View = { context ->
        MapPage(StillHost(context), presenter = MapPresenter(TaskHandset(), emptyFlow(), emptyFlow(), Dispatchers.Default)).build(state)
    }

    @Test
    fun `where one is and the tasks`() = Gallery.show("map", build = page(state))

    @Test
    fun `no grid yet`() = Gallery.show("map-nogrid", build = page(state.copy(here = here.copy(place = Place.NoGrid), hasGrid = false, grid = null)))

    @Test
    fun `no fix, the last one is old`() = Gallery.show(
        "map-nofix",
        build = page(state.copy(here = Here(here.place, null, 31 * 60_000L), tasks = tasks.map { it.copy(distance = null) })),
    )

    @Test
    fun `never a fix`() {
        val (least, most) = drawn.centre(0, 0) to drawn.centre(15, 15)
        val extent = Area(minOf(least.lat, most.lat), least.lon, maxOf(least.lat, most.lat), most.lon)
        Gallery.show(
            "map-unknown",
            build = page(state.copy(here = Here(null, null, null), last = null, extent = extent, tasks = emptyList(), grid = drawn.grid(MapDetail.COMMUNITIES))),
        )
    }

    @Test
    fun `outside of the grid`() {
        val outside = drawn.centre(15, 8).let { PointE7(it.lat, it.lon + 20_000) }
        val near = CellNearby(drawn.cell(15, 8), 110.0)
        Gallery.show("map-outside", build = page(state.copy(here = Here(Place.Outside("2026-1", near, emptyList()), fix.copy(point = outside), null), last = outside)))
    }

    @Test
    fun `an imprecise fix`() {
        val others = listOf(8 to 9, 7 to 8, 9 to 8, 8 to 7).map { (i, j) -> Candidate(drawn.cell(i, j), 0.15) }
        val place = Place.In("2026-1", own, listOf(Candidate(own, 0.4)) + others, 0.0)
        Gallery.show("map-imprecise", build = page(state.copy(here = Here(place, fix.copy(accuracyCm = 8_500u), null), tasks = tasks.take(1))))
    }

    @Test
    fun `many tasks`() {
        val many = (0 until 40).map { at ->
            val of = listOf(WorkScene.calm, WorkScene.soon, WorkScene.late, WorkScene.fresh)[at * 7 % 4]
            val spot = drawn.centre(7 + at * 5 % 4, 7 + at * 3 % 4).let { PointE7(it.lat + at * 83 % 700, it.lon + at * 57 % 900) }
            MapTask(of.copy(id = TaskKey("t$at"), place = spot), TaskDistance(Words("北 ${20 + at * 9} 米", "${20 + at * 9} m north"), 20.0 + at * 9, 0.0))
        }
        Gallery.show("map-many", build = page(state.copy(tasks = many)))
    }

    @Test
    fun `a cell was touched`() =
        Gallery.show("map-cell", build = page(state.copy(touched = Touched.Spot(Place.In("2026-1", drawn.cell(9, 9), emptyList(), 0.0)))))

    @Test
    fun `a pin was touched`() = Gallery.show("map-pin", build = page(state.copy(touched = Touched.Tasks(listOf(WorkScene.late.id)))))

    @Test
    fun `the grid cannot be read`() = Gallery.show(
        "map-refused",
        build = page(state.copy(hasGrid = null, grid = null, problem = WorkScene.why("grid.pack.hash", "本机的网格文件无法使用，请同步后重试", "the grid on this handset cannot be used, sync again"))),
    )
}
