package cn.xunge.app.pages

import android.content.Context
import cn.xunge.app.R
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.State
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.mark
import cn.xunge.client.inLang
import cn.xunge.core.Answer
import cn.xunge.core.FieldTask
import cn.xunge.core.Lang
import cn.xunge.core.TaskPurpose
import cn.xunge.core.momentWords
import cn.xunge.ids.Moment

/** How pressing a task's clock is. */
internal enum class Due { CALM, SOON, OVER }

/**
 * Soon: a third of the time that was given is left, or ten minutes.
 *
 * @param given milliseconds from the order to the due time, null if it is not known
 */
internal fun due(leftMs: Long, given: Long? = null): Due = when {
    leftMs < 0 -> Due.OVER
    leftMs <= maxOf(TEN_MINUTES_MS, (given ?: 0) / 3) -> Due.SOON
    else -> Due.CALM
}

private const val TEN_MINUTES_MS = 600_000L

/** What the task's clock shows: the core's words, in the tone of the time that is left. */
internal fun FieldTask.clock(now: Moment, lang: Lang): Mark {
    val words = dueWords.inLang(lang)
    return when (due(due.millis - now.millis)) {
        Due.OVER -> Mark(State.TASK_OVERDUE.icon, State.TASK_OVERDUE.tone, words)
        Due.SOON -> Mark(State.TASK_DUE.icon, Tone.WARNING, words)
        Due.CALM -> Mark(State.TASK_DUE.icon, Tone.NEUTRAL, words)
    }
}

/** A task that was not seen before, with its due time. */
internal fun FieldTask.newMark(context: Context, now: Moment): Mark =
    State.TASK_NEW.mark(context, tail = context.getString(R.string.task_until, momentWords(due, now)))

internal fun TaskPurpose.word(context: Context): String = when (this) {
    TaskPurpose.Verify -> context.getString(R.string.task_verify)
    TaskPurpose.Check -> context.getString(R.string.task_check)
    TaskPurpose.Inspect -> context.getString(R.string.task_inspect)
    is TaskPurpose.Other -> text
}

/** The task in a list: what it asks for and its words, which may begin with that themselves. */
internal fun FieldTask.title(context: Context): String {
    val word = purpose.word(context)
    return if (wording.startsWith(word)) wording else context.getString(R.string.task_title, word, wording)
}

/** The question at the top of a task. */
internal fun TaskPurpose.question(context: Context): String = when (this) {
    TaskPurpose.Verify -> context.getString(R.string.task_verify_question)
    TaskPurpose.Check -> context.getString(R.string.task_check_question)
    TaskPurpose.Inspect -> context.getString(R.string.task_inspect_question)
    is TaskPurpose.Other -> text
}

/** Yes and no of a task; null for a kind of task that this version does not know. */
internal fun TaskPurpose.answers(): Pair<Answer, Answer>? = when (this) {
    TaskPurpose.Verify, TaskPurpose.Inspect -> Answer.TRUE to Answer.NOT_TRUE
    TaskPurpose.Check -> Answer.RECTIFIED to Answer.NOT_RECTIFIED
    is TaskPurpose.Other -> null
}

/** Where it is, in words. */
internal fun FieldTask.placeWords(): String? = address ?: cellName?.let { it.community ?: it.line }
