package cn.xunge.app.pages

import cn.xunge.app.R
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.State
import cn.xunge.app.kit.Tone
import cn.xunge.client.inLang
import cn.xunge.core.ActivityState
import cn.xunge.core.HistoryRow
import cn.xunge.core.ItemKind
import cn.xunge.core.ItemState
import cn.xunge.core.Lang
import cn.xunge.core.QueueRow

/** How the state of an item looks: the design's icon and tone, and the words of the core. */
internal fun QueueRow.mark(lang: Lang): Mark {
    val words = stateWords.inLang(lang)
    val state = when (state) {
        ItemState.DRAFT -> State.DRAFT
        ItemState.QUEUED -> State.QUEUED
        ItemState.LATER -> State.LATER
        ItemState.PHOTOS_PENDING -> State.PHOTOS_PENDING
        ItemState.RECEIVED -> stateOf(caseState, review)
        ItemState.RETURNED -> State.REFUSED
        ItemState.REVIEW -> State.REVIEW
        ItemState.HELD -> State.HELD
        ItemState.WITHDRAWN -> State.CASE_WITHDRAWN
        // The design's table has no entry for these three: nothing more is expected of the author.
        ItemState.REVISED -> return Mark(R.drawable.ic_pencil, Tone.NEUTRAL, words)
        ItemState.WITHDRAWING -> return Mark(R.drawable.ic_clock, Tone.INFO, words)
        ItemState.CANCELLED -> return Mark(R.drawable.ic_ban, Tone.NEUTRAL, words)
    }
    return Mark(state.icon, state.tone, words)
}

/** How the state of a record of the history looks. */
internal fun HistoryRow.mark(lang: Lang): Mark {
    val words = stateWords.inLang(lang)
    val state = if (isWithdrawn) State.CASE_WITHDRAWN else stateOf(caseState, review)
    return Mark(state.icon, state.tone, words)
}

/** What the centre made of what it received. */
private fun stateOf(case: String?, review: ActivityState?): State = when {
    case != null && case != REPORTED -> State.of("case_$case") ?: State.RECEIVED
    review == ActivityState.APPROVED -> State.MONTH_DONE
    review == ActivityState.RETURNED -> State.MONTH_RETURNED
    review == ActivityState.SUBMITTED -> State.MONTH_REVIEW
    else -> State.RECEIVED
}

/** What stands for an item without a photo. */
internal fun ItemKind.tile(): Lead = when (this) {
    ItemKind.CheckIn -> Lead.Tile(R.drawable.ic_user_check)
    ItemKind.CheckOut -> Lead.Tile(R.drawable.ic_log_out)
    ItemKind.Report -> Lead.Tile(R.drawable.ic_camera)
    ItemKind.Activity -> Lead.Tile(R.drawable.ic_users)
    ItemKind.Answer -> Lead.Tile(R.drawable.ic_list_check)
    ItemKind.Withdraw -> Lead.Tile(R.drawable.ic_trash)
    ItemKind.Void, is ItemKind.Other -> Lead.Tile(R.drawable.ic_file)
}

/** The case that consists of the report alone is, for its author, a report that was received. */
private const val REPORTED = "reported"
