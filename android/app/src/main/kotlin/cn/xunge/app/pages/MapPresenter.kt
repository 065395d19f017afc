package cn.xunge.app.pages

import cn.xunge.app.map.Area
import cn.xunge.app.map.MapTouch
import cn.xunge.core.FieldTask
import cn.xunge.core.GridOnMap
import cn.xunge.core.HandsetChange
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Place
import cn.xunge.core.PointE7
import cn.xunge.core.Position
import cn.xunge.core.ScreenChanges
import cn.xunge.core.TaskDistance
import cn.xunge.core.Why
import cn.xunge.ids.Moment
import cn.xunge.ids.TaskKey
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.filter
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onStart

/** A task of the map; [distance] is null without a fix. */
internal data class MapTask(val task: FieldTask, val distance: TaskDistance?)

/** What the person touched. */
internal sealed class Touched {
    data class Tasks(val tasks: List<TaskKey>) : Touched()

    data class Spot(val place: Place) : Touched()
}

/**
 * The map (地图).
 *
 * @param last where the handset is or was last; null if that is not known
 * @param hasGrid null while it was not asked
 * @param tasks the open ones, first the nearest, without a fix first those that are due first
 * @param extent where the whole grid lies, if the handset does not know its own place
 */
internal data class MapState(
    val now: Moment,
    val here: Here,
    val last: PointE7?,
    val hasGrid: Boolean?,
    val grid: GridOnMap?,
    val extent: Area?,
    val tasks: List<MapTask>,
    val touched: Touched?,
    val problem: Why?,
)

internal class MapPresenter(
    private val handset: HandsetInterface,
    private val changes: Flow<ScreenChanges>,
    private val fixes: Flow<Position>,
    private val io: CoroutineDispatcher,
    private val ticks: Flow<Unit> = everyHalfMinute(),
) {
    private class Read(val grid: GridOnMap?, val hasGrid: Boolean?, val problem: Why?)

    private val asked = MutableStateFlow<Area?>(null)
    private val touched = MutableStateFlow<MapTouch?>(null)
    private var extent: Area? = null

    private val changed: Flow<Unit> get() = changes.map {}.onStart { emit(Unit) }
    private val newGrid: Flow<Unit> get() = changes.filter { HandsetChange.REFERENCE in it.what }.map {}.onStart { emit(Unit) }

    val states: Flow<MapState> = combine(combine(changed, ticks) { _, _ -> }, handset.located(fixes), pieces(), touched) { _, here, piece, touch -> read(here, piece, touch) }
        .flowOn(io)

    /** The pieces of the grid that the map asks for, again with a new grid; none before it does. */
    private fun pieces(): Flow<Read> = combine(asked, newGrid) { area, _ -> area }.map { area ->
        when (val read = tried { area?.let { handset.mapArea(it.corner, it.opposite) } }) {
            is Tried.Done -> Read(read.value, if (area == null) null else read.value != null, null)
            is Tried.Refused -> Read(null, null, read.why)
        }
    }

    private fun read(here: Here, piece: Read, touch: MapTouch?): MapState {
        val last = here.fix?.point ?: orNull { handset.lastFix() }?.position?.point
        val all = if (last == null) extent ?: orNull { handset.gridExtent() }.also { extent = it } else null
        val read = tried { handset.today().now to handset.tasks().filter { it.answered == null } }
        val (now, open) = (read as? Tried.Done)?.value ?: (Moment(0) to emptyList())
        val tasks = open.map { task -> MapTask(task, here.fix?.let { fix -> orNull { handset.distanceTo(task.id, fix.point) } }) }
        return MapState(
            now = now,
            here = here,
            last = last,
            hasGrid = piece.hasGrid,
            grid = piece.grid,
            extent = all,
            tasks = tasks.sortedBy { it.distance?.metres ?: Double.MAX_VALUE },
            touched = touch?.let { touchedOf(it) },
            problem = piece.problem ?: (read as? Tried.Refused)?.why,
        )
    }

    private fun touchedOf(touch: MapTouch): Touched? = when (touch) {
        is MapTouch.Tasks -> Touched.Tasks(touch.tasks)
        is MapTouch.Spot -> orNull { handset.whereIs(touch.at, null) }?.let { Touched.Spot(it) }
    }

    /** The map needs the grid inside of this area. */
    fun ask(area: Area) {
        asked.value = area
    }

    fun touch(touch: MapTouch?) {
        touched.value = touch
    }
}
