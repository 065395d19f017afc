package cn.xunge.app.pages

import android.graphics.drawable.Drawable
import android.os.Parcelable
import cn.xunge.app.R
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Line
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.PlaceLine
import cn.xunge.app.kit.RowList
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Tone
import cn.xunge.app.platform.Places
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Route
import cn.xunge.ids.PhotoHash
import cn.xunge.ids.TaskKey
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/** The tasks (任务) of this post. */
class TasksPage(host: Host) : Page<TasksState>(host) {
    private val presenter by lazy { host.session.run { TasksPresenter(handset, changes, Places(context).fixes(), io) } }

    /** Thumbnails that were drawn, by the photo's hash. */
    internal val pictures = HashMap<PhotoHash, Drawable?>()
    private val loading = HashSet<PhotoHash>()
    private val numbers = LinkedHashMap<TaskKey, Long>()
    private var line: PlaceLine? = null
    private var list: RowList? = null
    private var kept: Parcelable? = null
    private var badge = 0
    private var last: TasksState? = null

    override suspend fun follow(show: (TasksState) -> Unit) = presenter.states.collect { state ->
        show(state)
        last = state
        presenter.shown(state.open.filter { !it.task.isSeen }.map { it.task.id })
        draw(state)
    }

    override fun build(state: TasksState): Screen = Screen(context).apply {
        named(text(R.string.nav_tasks))
        kept = list?.onSaveInstanceState()
        line = place().opens(text(R.string.map_title)) { host.go(Route.Map()) }
        badge = state.open.size
        if (isEmpty(state)) {
            list = null
            val (headline, words) = state.problem?.let { it.words.here() to null } ?: (text(R.string.tasks_none) to text(R.string.tasks_none_hint))
            column.add(EmptyState(context, R.drawable.ic_list_check, headline, words))
        } else {
            list = list { id -> open(id) }
        }
        navigation(Place.TASKS, state.open.size) { host.switch(it) }
        fill(this, state)
        kept?.let { list?.onRestoreInstanceState(it) }
    }

    override fun update(screen: Screen, state: TasksState): Boolean {
        if (isEmpty(state) != (list == null) || isEmpty(state) || state.open.size != badge) return false
        fill(screen, state)
        return true
    }

    private fun isEmpty(state: TasksState) = state.open.isEmpty() && state.answered.isEmpty()

    private fun fill(screen: Screen, state: TasksState) {
        line?.showPlace(host.lang, state.here)
        val just = state.justAnswered
        if (just == null) screen.banner.hide() else screen.banner.show(said(just.mark(host.lang)), text(R.string.task_look)) { host.go(Route.Item(just.id)) }
        list?.show(lines(state))
    }

    /** 「刚答的：待上传」, later by itself 「刚答的：已收到」. */
    private fun said(mark: Mark) = mark.copy(text = text(R.string.task_just_answered, mark.text))

    private fun lines(state: TasksState): List<Line> {
        val open = state.open.map { Line.Thing(number(it.task.id), row(it, state)) }
        if (state.answered.isEmpty()) return open
        val none = if (open.isEmpty()) listOf(Line.Note(text(R.string.tasks_none))) else emptyList()
        val answered = state.answered.map { Line.Thing(number(it.task.id), row(it)) }
        return open + none + Line.Head(text(R.string.tasks_answered, answered.size)) + answered
    }

    private fun row(line: OpenTask, state: TasksState): RowModel {
        val task = line.task
        val clock = task.clock(state.now, host.lang)
        return RowModel(
            title = task.title(context),
            lead = task.compare?.let { Lead.Photo(pictures[it]) } ?: Lead.Tile(R.drawable.ic_list_check),
            // What is late is late, also when it is new.
            state = if (line.isNew && clock.tone != Tone.DANGER) task.newMark(context, state.now) else clock,
            sub = listOfNotNull(task.otherHolder?.let { text(R.string.task_other_holder, it) }, line.distance?.here(), task.placeWords()).joinToString(" · ").ifEmpty { null },
            chevron = true,
        )
    }

    private fun row(line: AnsweredTask) = RowModel(
        title = line.task.title(context),
        lead = line.task.compare?.let { Lead.Photo(pictures[it]) } ?: Lead.Tile(R.drawable.ic_list_check),
        state = line.row?.mark(host.lang),
        sub = line.row?.summary?.here(),
        chevron = true,
    )

    private fun number(task: TaskKey): Long = numbers.getOrPut(task) { numbers.size.toLong() }

    private fun open(id: Long) {
        val task = numbers.entries.firstOrNull { it.value == id }?.key ?: return
        host.go(Route.TaskPage(task))
    }

    /** Draws the thumbnails that are not there yet; the rows take them when they come. */
    private fun draw(state: TasksState) {
        val tasks = state.open.map { it.task } + state.answered.map { it.task }
        for (task in tasks) {
            val hash = task.compare ?: continue
            if (pictures[hash] != null || !loading.add(hash)) continue
            scope.launch {
                val drawn = presenter.photo(task.id)?.let { jpeg -> withContext(host.session.io) { drawn(context, jpeg, THUMBNAIL) } }
                loading -= hash
                pictures[hash] = drawn ?: return@launch
                last?.let { list?.show(lines(it)) }
            }
        }
    }

    private companion object {
        const val THUMBNAIL = 160
    }
}
