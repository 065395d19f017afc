package cn.xunge.app.pages

import cn.xunge.core.ComparePhoto
import cn.xunge.core.FieldTask
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Position
import cn.xunge.core.QueueRow
import cn.xunge.core.ScreenChanges
import cn.xunge.core.TaskDistance
import cn.xunge.core.Why
import cn.xunge.ids.Moment
import cn.xunge.ids.TaskKey
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onStart

/** The photo to compare a place with. */
internal sealed class Compare {
    data object Absent : Compare()

    data class Waiting(val nextTry: Moment?, val problem: Why?) : Compare()

    data class Here(val picture: Picture) : Compare()
}

/** The photo of the task, or why it is not there. */
internal fun HandsetInterface.compare(task: FieldTask): Compare {
    val hash = task.compare ?: return Compare.Absent
    return when (val found = comparePhoto(task.id)) {
        ComparePhoto.Absent -> Compare.Absent
        is ComparePhoto.Waiting -> Compare.Waiting(found.nextTry, found.problem)
        is ComparePhoto.Here -> Compare.Here(Picture(hash, found.jpeg))
    }
}

/** One task. */
internal sealed class TaskState {
    data class Shown(val now: Moment, val task: FieldTask, val distance: TaskDistance?, val compare: Compare, val answer: QueueRow?) : TaskState()

    /** The centre took it back, it went to another shift, or its answer arrived. */
    data object Gone : TaskState()

    data class Refused(val why: Why) : TaskState()
}

internal class TaskPresenter(
    private val handset: HandsetInterface,
    private val task: TaskKey,
    private val changes: Flow<ScreenChanges>,
    private val fixes: Flow<Position>,
    private val io: CoroutineDispatcher,
    private val ticks: Flow<Unit> = everyHalfMinute(),
) {
    private val fix: Flow<Position?> get() = fixes.map<Position, Position?> { it }.onStart { emit(null) }

    val states: Flow<TaskState> =
        combine(changes.map {}.onStart { emit(Unit) }, fix, ticks) { _, fix, _ -> read(fix) }.flowOn(io)

    private fun read(fix: Position?): TaskState {
        val read = tried {
            val found = handset.tasks().firstOrNull { it.id == task }
            if (found == null) {
                TaskState.Gone
            } else {
                if (!found.isSeen) handset.markSeen(listOf(task))
                TaskState.Shown(
                    now = handset.today().now,
                    task = found,
                    distance = fix?.let { handset.distanceTo(task, it.point) },
                    compare = handset.compare(found),
                    answer = found.answered?.let { item -> orNull { handset.item(item).row } },
                )
            }
        }
        return when (read) {
            is Tried.Done -> read.value
            is Tried.Refused -> TaskState.Refused(read.why)
        }
    }
}
