package cn.xunge.app.pages

import cn.xunge.core.ComparePhoto
import cn.xunge.core.FieldTask
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Position
import cn.xunge.core.QueueRow
import cn.xunge.core.ScreenChanges
import cn.xunge.core.Why
import cn.xunge.core.Words
import cn.xunge.ids.Moment
import cn.xunge.ids.TaskKey
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onStart
import kotlinx.coroutines.withContext

/** An open task. [isNew]: it had not been on a screen before this page was opened. */
data class OpenTask(val task: FieldTask, val distance: Words?, val isNew: Boolean)

/** A task that was answered here and is still in the mailbox. [row]: its answer in the queue. */
data class AnsweredTask(val task: FieldTask, val row: QueueRow?)

/** The tasks (任务), first those that are due first. */
data class TasksState(
    val now: Moment,
    val here: Here,
    val open: List<OpenTask>,
    val answered: List<AnsweredTask>,
    /** The answer that was given a moment ago. */
    val justAnswered: QueueRow? = null,
    /** Why the tasks cannot be read. */
    val problem: Why? = null,
)

/** @param ticks when clocks are to be shown anew */
class TasksPresenter(
    private val handset: HandsetInterface,
    private val changes: Flow<ScreenChanges>,
    private val fixes: Flow<Position>,
    private val io: CoroutineDispatcher,
    private val ticks: Flow<Unit> = everyHalfMinute(),
) {
    private val new = LinkedHashSet<TaskKey>()

    val states: Flow<TasksState> =
        combine(changes.map {}.onStart { emit(Unit) }, handset.located(fixes), ticks) { _, here, _ -> read(here) }.flowOn(io)

    private fun read(here: Here): TasksState {
        val read = tried {
            val now = handset.today().now
            val tasks = handset.tasks()
            new += tasks.filter { !it.isSeen }.map { it.id }
            val (answered, open) = tasks.partition { it.answered != null }
            val rows = answered.map { AnsweredTask(it, it.answered?.let { item -> orNull { handset.item(item).row } }) }
            TasksState(
                now = now,
                here = here,
                open = open.map { OpenTask(it, distance(it, here), it.id in new) },
                answered = rows,
                justAnswered = rows.mapNotNull { it.row }.filter { now.millis - it.made.millis in 0..JUST_MS }.maxByOrNull { it.made.millis },
            )
        }
        return when (read) {
            is Tried.Done -> read.value
            is Tried.Refused -> TasksState(Moment(0), here, emptyList(), emptyList(), problem = read.why)
        }
    }

    private fun distance(task: FieldTask, here: Here): Words? = here.fix?.let { handset.distanceTo(task.id, it.point)?.words }

    /** The tasks are on the screen: they are not announced again. */
    suspend fun shown(tasks: List<TaskKey>) {
        if (tasks.isNotEmpty()) withContext(io) { tried { handset.markSeen(tasks) } }
    }

    /** The photo of a task, once it is on this handset. */
    suspend fun photo(task: TaskKey): ByteArray? = withContext(io) {
        orNull { (handset.comparePhoto(task) as? ComparePhoto.Here)?.jpeg }
    }

    private companion object {
        /** How long the line about the last answer stands. */
        const val JUST_MS = 120_000L
    }
}

/** Clocks of tasks count minutes. */
internal fun everyHalfMinute(): Flow<Unit> = flow {
    while (true) {
        emit(Unit)
        delay(30_000)
    }
}
