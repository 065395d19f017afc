package cn.xunge.app.pages

import cn.xunge.app.map.Area
import cn.xunge.client.why
import cn.xunge.core.Candidate
import cn.xunge.core.Cell
import cn.xunge.core.Community
import cn.xunge.core.GridOnMap
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Place
import cn.xunge.core.PointE7
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
import kotlin.math.roundToInt

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

/**
 * The small map: the place that is chosen is under the pin in its middle.
 *
 * @param at where the report is filed as yet; null without a position, then the map shows [extent]
 * @param point what the person moved under the pin; null until the map is moved
 * @param under what the grid says about [point]
 * @param candidates cells that the position may lie in, too
 * @param isByHand the person chose [at] on the map before
 */
data class PlaceMap(
    val grid: GridOnMap?,
    val at: PointE7?,
    val accuracyCm: UInt,
    val extent: Area?,
    val point: PointE7?,
    val under: Place?,
    val candidates: List<CellNumber> = emptyList(),
    val isByHand: Boolean = false,
)

/** Choosing the cell (改位置). [map] is null where only a list is shown. */
data class PlaceOfState(val shelf: Shelf, val picked: CellNumber?, val hasPosition: Boolean, val refused: Why?, val map: PlaceMap? = null)

/** The provider of a position that a person chose. */
internal const val BY_HAND = "manual"

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

        /** The map, without a position. */
        data object OnMap : Step()

        data class OfStreet(val street: Street) : Step()

        data class OfCommunity(val street: Street, val community: Community) : Step()
    }

    private data class Pointed(val at: PointE7, val metresPerDp: Double)

    private data class Own(val step: Step, val picked: CellNumber?, val refused: Why?, val pointed: Pointed? = null, val area: Area? = null)

    private class Read(val options: List<CellOption>, val candidates: List<CellNumber>, val chosen: CellNumber?, val position: Position?)

    private val own = MutableStateFlow(Own(Step.First, null, null))
    private var read: Read? = null
    private var piece: Pair<Area, GridOnMap?>? = null
    private var extent: Area? = null

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
            Step.OnMap -> Shelf.Near(emptyList())
            is Step.OfStreet -> Shelf.Communities(step.street, handset.communities(step.street.code))
            is Step.OfCommunity -> Shelf.Cells(step.community, handset.cellsOf(step.community.code).map { CellOption(it, null, isLikeliest = false) })
        }
        val map = if (shelf is Shelf.Near) map(own, read) else null
        val picked = if (own.pointed == null) own.picked ?: read.chosen else (map?.under as? Place.In)?.cell?.code
        return PlaceOfState(shelf, picked, read.position != null, own.refused, map)
    }

    private fun map(own: Own, read: Read): PlaceMap {
        val position = read.position
        val grid = own.area?.let { area -> piece?.takeIf { it.first == area } ?: (area to handset.mapArea(area.corner, area.opposite)).also { piece = it } }
        if (position == null && extent == null) extent = handset.gridExtent()
        val under = own.pointed?.let { handset.whereIs(it.at, null) }
        return PlaceMap(grid?.second, position?.point, position?.accuracyCm ?: 0u, extent, own.pointed?.at, under, read.candidates, position?.provider == BY_HAND)
    }

    /** The draft, read once; again when the first fix comes to a draft without a position. */
    private suspend fun read(fix: Position?): Read {
        val before = read
        if (before != null && (before.position != null || fix == null)) return before
        return drafts.open(draft) {
            if (fix != null && it.position() == null) {
                it.placeOnce(fix)
                it.save()
            }
            Read(optionsOf(it), candidatesOf(it.located()), it.cellName()?.cell?.code, it.content().place ?: it.position())
        }.also { read = it }
    }

    private fun optionsOf(draft: ReportDraft): List<CellOption> {
        val position = draft.content().place ?: draft.position() ?: return emptyList()
        val near = handset.cellsNear(position.point, SHOWN)
        val metres = near.associate { it.cell.code to it.metres }
        val place = draft.located()
        val here = (place as? Place.In)?.cell
        val cells = listOfNotNull(here) + candidates(place).map { it.cell } + near.map { it.cell }
        return cells.distinctBy { it.code }.take(SHOWN.toInt()).map { CellOption(it, metres[it.code], it.code == here?.code) }
    }

    private fun candidates(place: Place?): List<Candidate> = when (place) {
        is Place.In -> place.candidates
        is Place.Outside -> place.candidates
        Place.NoGrid, null -> emptyList()
    }.sortedByDescending { it.share }

    private fun candidatesOf(place: Place?): List<CellNumber> = candidates(place).map { it.cell.code }

    fun pick(cell: CellNumber) = own.update { it.copy(picked = cell, refused = null, pointed = null) }

    /** The map shows this area. */
    fun ask(area: Area) = own.update { it.copy(area = area) }

    /** The person moved a place under the pin. */
    fun point(at: PointE7, metresPerDp: Double) = own.update { it.copy(pointed = Pointed(at, metresPerDp), refused = null) }

    fun onMap() = own.update { it.copy(step = Step.OnMap) }

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
            Step.OnMap -> Step.First
            Step.Streets -> if (read?.options.isNullOrEmpty()) return false else Step.First
            is Step.OfStreet -> if (read?.options.isNullOrEmpty()) Step.First else Step.Streets
            is Step.OfCommunity -> Step.OfStreet(step.street)
        }
        own.update { it.copy(step = before, pointed = null) }
        return true
    }

    /** The cell becomes the draft's; false if the core refused. Where the position itself gives it nothing was chosen. */
    suspend fun choose(cell: CellNumber): Boolean = try {
        val isLookedUp = read?.options?.firstOrNull { it.cell.code == cell }?.isLikeliest == true
        drafts.change(draft) {
            // A place that was chosen on the map says another cell: the place of the photos counts again.
            val position = it.position()
            if (!isLookedUp && position != null && it.content().place != null) it.place(position)
            it.cell(if (isLookedUp) null else cell)
        }
        true
    } catch (failed: XungeException) {
        own.update { it.copy(refused = failed.why) }
        false
    }

    /** The place under the pin becomes the draft's; false if the core refused. Its cell is the one that it lies in. */
    suspend fun choosePoint(): Boolean {
        val pointed = own.value.pointed ?: return false
        return try {
            drafts.change(draft) {
                val accuracyCm = (pointed.metresPerDp * FINGER_DP * 100).roundToInt().coerceAtLeast(LEAST_CM)
                it.place(Position(pointed.at, accuracyCm.toUInt(), BY_HAND, mock = false, handset.today().now))
                it.cell(null)
            }
            true
        } catch (failed: XungeException) {
            own.update { it.copy(refused = failed.why) }
            false
        }
    }

    private companion object {
        const val SHOWN = 6u

        /** How exactly a finger moves a map: dp, and centimetres at the least. */
        const val FINGER_DP = 12
        const val LEAST_CM = 300
    }
}
