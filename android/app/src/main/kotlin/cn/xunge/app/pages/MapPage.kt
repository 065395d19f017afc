package cn.xunge.app.pages

import android.view.ViewGroup
import android.widget.LinearLayout
import cn.xunge.app.R
import cn.xunge.app.count
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Line
import cn.xunge.app.kit.PlaceLine
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.RowList
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Tone
import cn.xunge.app.map.MapFrame
import cn.xunge.app.map.MapHere
import cn.xunge.app.map.MapPin
import cn.xunge.app.map.MapScene
import cn.xunge.app.map.MapTouch
import cn.xunge.app.platform.Places
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Route
import cn.xunge.core.Place
import cn.xunge.ids.TaskKey

/**
 * The map (地图): the grid, where one is, and the tasks; below it the same as a list.
 *
 * @param begins the task that the map shows first
 */
internal class MapPage(host: Host, private var begins: TaskKey? = null, presenter: MapPresenter? = null) : Page<MapState>(host) {
    private val presenter by lazy { presenter ?: host.session.run { MapPresenter(handset, changes, Places(context).fixes(), io) } }
    private val numbers = LinkedHashMap<TaskKey, Long>()
    private var frame: MapFrame? = null
    private var line: PlaceLine? = null
    private var list: RowList? = null
    private var last: MapState? = null

    /** The map goes along with the handset until the person moves it. */
    private var follows = true

    override suspend fun follow(show: (MapState) -> Unit) = presenter.states.collect { show(it) }

    override fun build(state: MapState): Screen = Screen(context).apply {
        title(text(R.string.map_title), host::back)
        val made = MapFrame(context) { own() }
        frame = made
        made.map.onArea = { presenter.ask(it) }
        made.map.onMoved = { _, _ -> follows = false }
        made.map.onTouch = ::touched
        line = PlaceLine(context)
        list = RowList(context, ::pressed)
        val side = LinearLayout(context).apply {
            orientation = LinearLayout.VERTICAL
            addView(made, LinearLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, 0, MAP_SHARE))
            addView(line, LinearLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, ViewGroup.LayoutParams.WRAP_CONTENT))
            addView(list, LinearLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, 0, 1f))
        }
        body(side)
        fill(this, state)
    }

    override fun update(screen: Screen, state: MapState): Boolean {
        fill(screen, state)
        return true
    }

    private fun fill(screen: Screen, state: MapState) {
        val before = last
        last = state
        val map = frame?.map ?: return
        val problem = state.problem
        if (problem == null) screen.banner.hide() else screen.banner.show(Mark(R.drawable.ic_alert, Tone.WARNING, problem.words.here()))
        if (before?.here != state.here || before.now != state.now) line?.showPlace(host.lang, state.here)
        begin(state)
        if (follows && state.last != null && (before?.last != state.last || map.sight == null)) map.lookAt(state.last)
        state.extent?.let(map::overview)
        map.show(scene(state))
        map.contentDescription = spoken(state)
        val touched = state.touched
        list?.show(lines(state))
        if (touched != null && touched != before?.touched) {
            list?.takeIf { it.isLaidOut }?.setSelection(0)
            map.announceForAccessibility(touchedTitle(state, touched))
        }
    }

    /** Shows the task that the person came for, once. */
    private fun begin(state: MapState) {
        val task = begins ?: return
        val at = state.tasks.firstOrNull { it.task.id == task }?.task?.place ?: return
        begins = null
        follows = false
        frame?.map?.lookAt(at)
        presenter.touch(MapTouch.Tasks(listOf(task)))
    }

    private fun own() {
        follows = true
        presenter.touch(null)
        last?.last?.let { frame?.map?.lookAt(it) }
    }

    private fun touched(touch: MapTouch) = presenter.touch(touch)

    private fun scene(state: MapState): MapScene {
        val place = state.here.place
        val cell = (place as? Place.In)?.cell?.code
        val candidates = when (place) {
            is Place.In -> place.candidates
            is Place.Outside -> place.candidates
            Place.NoGrid, null -> emptyList()
        }.filter { it.cell.code != cell }
        val isNow = state.here.fix != null
        val accuracy = state.here.fix?.accuracyCm ?: 0u
        val spot = ((state.touched as? Touched.Spot)?.place as? Place.In)?.cell?.code
        val centres = state.grid?.cells.orEmpty().associate { it.cell.code to it.centre }
        return MapScene(
            grid = state.grid,
            here = state.last?.let { MapHere(it, accuracy, isNow) },
            own = cell,
            candidates = candidates.map { it.cell.code },
            selected = spot,
            pins = state.tasks.mapNotNull { line ->
                // A task without a place of its own is somewhere in its cell.
                val at = line.task.place ?: centres[line.task.cell] ?: return@mapNotNull null
                MapPin(line.task.id, at, mark(line, state))
            },
            chosen = (state.touched as? Touched.Tasks)?.tasks.orEmpty(),
        )
    }

    private fun mark(line: MapTask, state: MapState): Mark {
        val clock = line.task.clock(state.now, host.lang)
        return if (!line.task.isSeen && clock.tone != Tone.DANGER) line.task.newMark(context, state.now) else clock
    }

    private fun title(line: MapTask) = line.task.title(context)

    private fun lines(state: MapState): List<Line> {
        val touched = state.touched
        val (here, others) = state.tasks.partition { isTouched(it, touched) }
        val things = { tasks: List<MapTask> -> tasks.map { Line.Thing(number(it.task.id), row(it, state)) } }
        val spot = (touched as? Touched.Spot)?.let { listOf(Line.Thing(SPOT, spotRow(it.place))) }.orEmpty()
        val note = if (state.hasGrid == false) listOf(Line.Note(text(R.string.map_no_grid))) else emptyList()
        val rest = when {
            others.isEmpty() && here.isEmpty() -> listOf(Line.Note(text(R.string.tasks_none)))
            others.isEmpty() -> emptyList()
            here.isEmpty() && state.here.fix != null -> listOf(Line.Head(context.count(R.plurals.map_tasks_near, others.size)))
            here.isEmpty() -> listOf(Line.Head(context.count(R.plurals.map_tasks, others.size)))
            else -> listOf(Line.Head(context.count(R.plurals.map_tasks_others, others.size)))
        }
        return note + spot + things(here) + rest + things(others)
    }

    private fun isTouched(line: MapTask, touched: Touched?): Boolean = when (touched) {
        is Touched.Tasks -> line.task.id in touched.tasks
        is Touched.Spot -> line.task.cell == (touched.place as? Place.In)?.cell?.code
        null -> false
    }

    private fun spotRow(place: Place): RowModel = when (place) {
        is Place.In -> RowModel(
            text(R.string.cell_name, place.cell.short()),
            Lead.Small(R.drawable.ic_grid),
            sub = listOfNotNull(place.cell.street, place.cell.community).joinToString(" · ").ifEmpty { null },
        )
        else -> RowModel(text(R.string.map_no_cell), Lead.Small(R.drawable.ic_grid))
    }

    private fun touchedTitle(state: MapState, touched: Touched): String = when (touched) {
        is Touched.Spot -> spotRow(touched.place).run { listOfNotNull(title, sub).joinToString(text(R.string.spoken_comma)) }
        is Touched.Tasks -> state.tasks.filter { isTouched(it, touched) }.joinToString(text(R.string.spoken_comma), transform = ::title)
    }

    private fun row(line: MapTask, state: MapState): RowModel {
        val mark = mark(line, state)
        return RowModel(
            title = title(line),
            lead = Lead.Tile(mark.icon, mark.tone),
            state = mark,
            sub = listOfNotNull(line.distance?.words?.here(), line.task.placeWords()).joinToString(" · ").ifEmpty { null },
            chevron = true,
        )
    }

    /** What the map shows, in words. */
    private fun spoken(state: MapState): String {
        val place = line?.contentDescription?.toString().orEmpty()
        val tasks = state.tasks.take(SPOKEN).map { task -> listOfNotNull(title(task), task.distance?.words?.here()).joinToString(text(R.string.spoken_comma)) }
        val number = if (state.tasks.isEmpty()) text(R.string.tasks_none) else context.count(R.plurals.map_tasks, state.tasks.size)
        return (listOf(text(R.string.map_spoken), place, number) + tasks).joinToString(text(R.string.spoken_stop))
    }

    private fun number(task: TaskKey): Long = numbers.getOrPut(task) { numbers.size + 1L }

    private fun pressed(id: Long) {
        if (id == SPOT) return
        val task = numbers.entries.firstOrNull { it.value == id }?.key ?: return
        host.go(Route.TaskPage(task))
    }

    private companion object {
        /** The map's height in heights of the list. */
        const val MAP_SHARE = 1.5f
        const val SPOT = 0L

        /** Tasks that the map names; the list below has them all. */
        const val SPOKEN = 5
    }
}
