package cn.xunge.app.pages

import cn.xunge.app.map.Area
import cn.xunge.app.map.MapTouch
import cn.xunge.core.FieldTask
import cn.xunge.core.GridOnMap
import cn.xunge.core.Place
import cn.xunge.core.PointE7
import cn.xunge.core.Position
import cn.xunge.core.TaskDistance
import cn.xunge.core.Words
import cn.xunge.ids.EntryKey
import cn.xunge.ids.TaskKey
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.emptyFlow
import kotlinx.coroutines.flow.flowOf
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import java.util.Collections

/** What the map decides besides how it looks, and a report's place that is chosen on one. */
class MapPresenterTest {
    private val drawn = DrawnGrid(WorkScene.point)
    private val area = Area(438_690_000, 1_253_290_000, 438_710_000, 1_253_310_000)

    private inner class MapHandset(private val grid: GridOnMap?, open: List<FieldTask> = emptyList()) : TaskHandset(open) {
        val asked: MutableList<Pair<PointE7, PointE7>> = Collections.synchronizedList(ArrayList())
        var refuses = false

        override fun mapArea(corner: PointE7, opposite: PointE7): GridOnMap? {
            asked += corner to opposite
            if (refuses) throw refusal("grid.pack.hash")
            return grid
        }

        override fun whereIs(point: PointE7, accuracyCm: UInt?): Place = Place.In("2026-1", drawn.cell(8, 8), emptyList(), 0.0)

        override fun distanceTo(task: TaskKey, here: PointE7) = TaskDistance(Words("", ""), if (task == WorkScene.late.id) 20.0 else 10.0, 0.0)
    }

    private fun presenter(handset: MapHandset, fixes: Flow<Position> = flowOf(WorkScene.fix)) = MapPresenter(handset, emptyFlow(), fixes, Dispatchers.IO, flowOf(Unit))

    @Test
    fun `the grid is read where the map asks for it, and not before`() {
        val handset = MapHandset(drawn.grid())
        val presenter = presenter(handset)
        val first = presenter.states.await { it.here.fix != null }
        assertNull(first.grid)
        assertTrue(handset.asked.isEmpty())
        presenter.ask(area)
        assertEquals(drawn.grid(), presenter.states.await { it.grid != null }.grid)
        assertEquals(area.corner to area.opposite, handset.asked.first())
    }

    @Test
    fun `without a grid it says so, and the tasks are there, the nearest first`() {
        val presenter = presenter(MapHandset(null, listOf(WorkScene.late, WorkScene.soon, WorkScene.calm.copy(answered = EntryKey("i1")))))
        presenter.ask(area)
        val state = presenter.states.await { it.hasGrid == false && it.here.fix != null }
        assertEquals(listOf(WorkScene.soon.id, WorkScene.late.id), state.tasks.map { it.task.id })
    }

    @Test
    fun `a grid that cannot be read is said, and the tasks stay`() {
        val handset = MapHandset(null, listOf(WorkScene.late)).apply { refuses = true }
        val presenter = presenter(handset)
        presenter.ask(area)
        val state = presenter.states.await { it.problem != null }
        assertEquals("grid.pack.hash", state.problem?.code)
        assertEquals(1, state.tasks.size)
        assertNull(state.hasGrid)
    }

    @Test
    fun `where no place is known the whole grid is shown`() {
        val state = presenter(MapHandset(drawn.grid()), emptyFlow()).states.await { it.extent != null }
        assertNull(state.last)
        assertTrue(Area(WorkScene.point.lat, WorkScene.point.lon, WorkScene.point.lat, WorkScene.point.lon) in state.extent!!)
    }

    @Test
    fun `what is touched is named`() {
        val presenter = presenter(MapHandset(drawn.grid(), listOf(WorkScene.late)))
        presenter.touch(MapTouch.Spot(WorkScene.point))
        val spot = presenter.states.await { it.touched != null }.touched as Touched.Spot
        assertEquals(drawn.cell(8, 8), (spot.place as Place.In).cell)
        presenter.touch(MapTouch.Tasks(listOf(WorkScene.late.id)))
        assertEquals(Touched.Tasks(listOf(WorkScene.late.id)), presenter.states.await { it.touched is Touched.Tasks }.touched)
    }

    @Test
    fun `a place under the pin is named at once and becomes the place of the report, by hand`() {
        val core = FakeReports().apply { grid = drawn.grid() }
        val drafts = ReportDrafts(core, Dispatchers.IO)
        val id = kotlinx.coroutines.runBlocking {
            drafts.begin {
                it.at(ReportSamples.fix)
                it.cell(ReportSamples.cell("13").code)
                it.save()
                it.id()
            }
        }
        val presenter = PlaceOfPresenter(core, drafts, id, emptyFlow(), Dispatchers.IO)
        presenter.ask(area)
        val before = presenter.states.await { it.map?.grid != null }
        assertEquals(ReportSamples.fix.point, before.map?.at)
        assertNull(before.map?.point)
        presenter.point(WorkScene.point, metresPerDp = 1.0)
        val pointed = presenter.states.await { it.map?.under != null }
        assertEquals(ReportSamples.inCell, pointed.map?.under)
        assertEquals(ReportSamples.inCell.cell.code, pointed.picked)
        assertTrue(kotlinx.coroutines.runBlocking { presenter.choosePoint() })
        val kept = core.saved.getValue(id)
        assertEquals(Position(WorkScene.point, 1_200u, BY_HAND, false, Scene.today.now), kept.content.place)
        // The cell is the one that the place lies in, not one that was chosen before.
        assertNull(kept.cell)
        assertEquals(ReportSamples.fix, kept.position)
    }

    @Test
    fun `a cell of the list takes the place of one that was chosen on the map`() {
        val core = FakeReports().apply { grid = drawn.grid() }
        val drafts = ReportDrafts(core, Dispatchers.IO)
        val id = kotlinx.coroutines.runBlocking {
            drafts.begin {
                it.at(ReportSamples.fix)
                it.place(ReportSamples.fix.copy(point = WorkScene.point, provider = BY_HAND))
                it.save()
                it.id()
            }
        }
        val presenter = PlaceOfPresenter(core, drafts, id, emptyFlow(), Dispatchers.IO)
        assertTrue(presenter.states.await { it.map != null }.map!!.isByHand)
        assertTrue(kotlinx.coroutines.runBlocking { presenter.choose(ReportSamples.cell("13").code) })
        val kept = core.saved.getValue(id)
        assertEquals(ReportSamples.cell("13").code, kept.cell)
        assertEquals(ReportSamples.fix, kept.content.place)
        assertNotNull(kept.position)
    }
}
