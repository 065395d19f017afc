package cn.xunge.app.pages

import cn.xunge.client.why
import cn.xunge.core.Cell
import cn.xunge.core.Community
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Place
import cn.xunge.core.Position
import cn.xunge.core.ReportDraft
import cn.xunge.core.Street
import cn.xunge.core.Why
import cn.xunge.core.XungeException
import cn.xunge.ids.CellNumber
import cn.xunge.ids.EntryKey
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onStart
import kotlinx.coroutines.flow.update

/**
 * A cell that can be chosen.
 *
 * @param metres to its border; null for one that was found by its street
 * @param isLikeliest the grid gives it for the draft's position
 */
data class CellOption(val cell: Cell, val metres: Double?, val isLikeliest: Boolean)

/** Which list of the grid is shown. */
sealed class Shelf {
    /** The cells around the position. */
    data class Near(val options: List<CellOption>) : Shelf()

    data class Streets(val streets: List<Street>) : Shelf()

    data class Communities(val street: Street, val communities: List<Community>) : Shelf()

    data class Cells(val community: Community, val options: List<CellOption>) : Shelf()
}

/** Choosing the cell (改位置). */
data class PlaceOfState(val shelf: Shelf, val picked: CellNumber?, val hasPosition: Boolean, val refused: Why?)

class PlaceOfPresenter(
    private val handset: HandsetInterface,
    private val drafts: ReportDrafts,
    private val draft: EntryKey,
    fixes: Flow<Position>,
    io: CoroutineDispatcher,
) {
    private sealed class Step {
        /** The cells around the position, or the streets without one. */
        data object First : Step()

        data object Streets : Step()

        data class OfStreet(val street: Street) : Step()

        data class OfCommunity(val street: Street, val community: Community) : Step()
    }

    private data class Own(val step: Step, val picked: CellNumber?, val refused: Why?)

    private class Read(val options: List<CellOption>, val chosen: CellNumber?, val hasPosition: Boolean)

    private val own = MutableStateFlow(Own(Step.First, null, null))
    private var read: Read? = null

    val states: Flow<PlaceOfState> = combine(own, fixes.map<Position, Position?> { it }.onStart { emit(null) }) { own, fix ->
        try {
            state(own, fix)
        } catch (failed: XungeException) {
            PlaceOfState(Shelf.Near(emptyList()), own.picked, hasPosition = false, failed.why)
        }
    }.flowOn(io)

    private suspend fun state(own: Own, fix: Position?): PlaceOfState {
        val read = read(fix)
        val shelf = when (val step = own.step) {
            Step.First -> if (read.options.isEmpty()) Shelf.Streets(handset.streets()) else Shelf.Near(read.options)
            Step.Streets -> Shelf.Streets(handset.streets())
            is Step.OfStreet -> Shelf.Communities(step.street, handset.communities(step.street.code))
            is Step.OfCommunity -> Shelf.Cells(step.community, handset.cellsOf(step.community.code).map { CellOption(it, null, isLikeliest = false) })
        }
        return PlaceOfState(shelf, own.picked ?: read.chosen, read.hasPosition, own.refused)
    }

    /** The draft, read once; again when the first fix comes to a draft without a position. */
    private suspend fun read(fix: Position?): Read {
        val before = read
        if (before != null && (before.hasPosition || fix == null)) return before
        return drafts.open(draft) {
            if (fix != null && it.position() == null) {
                it.placeOnce(fix)
                it.save()
            }
            Read(optionsOf(it), it.cellName()?.cell?.code, it.position() != null || it.content().place != null)
        }.also { read = it }
    }

    private fun optionsOf(draft: ReportDraft): List<CellOption> {
        val position = draft.content().place ?: draft.position() ?: return emptyList()
        val near = handset.cellsNear(position.point, SHOWN)
        val metres = near.associate { it.cell.code to it.metres }
        val place = draft.located()
        val here = (place as? Place.In)?.cell
        val candidates = when (place) {
            is Place.In -> place.candidates
            is Place.Outside -> place.candidates
            Place.NoGrid, null -> emptyList()
        }
        val cells = listOfNotNull(here) + candidates.sortedByDescending { it.share }.map { it.cell } + near.map { it.cell }
        return cells.distinctBy { it.code }.take(SHOWN.toInt()).map { CellOption(it, metres[it.code], it.code == here?.code) }
    }

    fun pick(cell: CellNumber) = own.update { it.copy(picked = cell, refused = null) }

    fun browse() = own.update { it.copy(step = Step.Streets) }

    fun street(street: Street) = own.update { it.copy(step = Step.OfStreet(street)) }

    fun community(community: Community) = own.update {
        val street = (it.step as? Step.OfStreet)?.street ?: return@update it
        it.copy(step = Step.OfCommunity(street, community))
    }

    /** One list back; false from the first one. */
    fun back(): Boolean {
        val before = when (val step = own.value.step) {
            Step.First -> return false
            Step.Streets -> if (read?.options.isNullOrEmpty()) return false else Step.First
            is Step.OfStreet -> if (read?.options.isNullOrEmpty()) Step.First else Step.Streets
            is Step.OfCommunity -> Step.OfStreet(step.street)
        }
        own.update { it.copy(step = before) }
        return true
    }

    /** The cell becomes the draft's; false if the core refused. Where the position itself gives it nothing was chosen. */
    suspend fun choose(cell: CellNumber): Boolean = try {
        val isLookedUp = read?.options?.firstOrNull { it.cell.code == cell }?.isLikeliest == true
        drafts.change(draft) { it.cell(if (isLookedUp) null else cell) }
        true
    } catch (failed: XungeException) {
        own.update { it.copy(refused = failed.why) }
        false
    }

    private companion object {
        const val SHOWN = 6u
    }
}
