package cn.xunge.app.pages

import cn.xunge.client.why
import cn.xunge.core.Answer
import cn.xunge.core.AnswerDraftInterface
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Submitted
import cn.xunge.core.Why
import cn.xunge.core.XungeException
import cn.xunge.ids.TaskKey
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.emitAll
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.map

/** The answer to a task before it is submitted. */
internal sealed class TaskCameraState {
    /** @param text as it was saved; what is typed since is in the field */
    data class Open(val wording: String, val compare: Compare, val text: String, val work: DraftWork) : TaskCameraState()

    /** The task cannot be answered, or not in this way. */
    data class Refused(val why: Why) : TaskCameraState()

    /** The task is not in the mailbox any more. */
    data object Gone : TaskCameraState()
}

internal class TaskCameraPresenter(
    private val handset: HandsetInterface,
    private val task: TaskKey,
    private val answer: Answer,
    private val io: CoroutineDispatcher,
) : PhotoPresenter() {
    private var draft: AnswerDraftInterface? = null

    /** What was typed since the draft was opened. */
    private var typed: String? = null

    val states: Flow<TaskCameraState> = flow {
        val opened = try {
            Turns.take(io) { open() }
        } catch (refused: XungeException) {
            TaskCameraState.Refused(refused.why)
        }
        val desk = desk
        if (opened is TaskCameraState.Open && desk != null) {
            desk.read()
            emitAll(desk.work.map { opened.copy(work = it) })
        } else {
            emit(opened)
        }
    }

    /** Begins the answer or continues the saved one. */
    private fun open(): TaskCameraState {
        val found = handset.tasks().firstOrNull { it.id == task } ?: return TaskCameraState.Gone
        val begun = draft ?: handset.answer(task, answer)
        if (draft == null) {
            draft = begun
            desk = DraftDesk(handset, begun.calls(), io)
        }
        return TaskCameraState.Open(found.wording, handset.compare(found), begun.content().text, DraftWork())
    }

    fun typed(text: String) {
        typed = text
    }

    /** Files the answer; null if the core refused it. */
    suspend fun submit(): Submitted? = desk?.submit(::write)

    /** The page is left. An answer to which nothing was added is not kept: its photos are saved when they are taken. */
    fun leave() {
        if (!typed.isNullOrBlank()) desk?.leave(::write)
    }

    /** Whether something of the answer stays on the phone when the page is left. */
    fun keeps(): Boolean = desk?.let { it.work.value.shots.isNotEmpty() || !typed.isNullOrBlank() } ?: false

    private fun write() {
        typed?.let { draft?.text(it) }
    }
}
