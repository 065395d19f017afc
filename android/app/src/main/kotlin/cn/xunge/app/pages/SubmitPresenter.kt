package cn.xunge.app.pages

import cn.xunge.client.why
import cn.xunge.core.DraftCell
import cn.xunge.core.Fix
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Matter
import cn.xunge.core.PhotoRole
import cn.xunge.core.Place
import cn.xunge.core.Position
import cn.xunge.core.ReportContent
import cn.xunge.core.ReportDraft
import cn.xunge.core.Why
import cn.xunge.core.XungeException
import cn.xunge.core.momentWords
import cn.xunge.ids.EntryKey
import cn.xunge.ids.PhotoHash
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onStart
import kotlinx.coroutines.flow.update

/** Where a report will be filed. */
data class ReportPlace(
    /** The cell that the report will name. */
    val cell: DraftCell?,
    /** What the grid says about the position; null without one. */
    val place: Place?,
    /** Accuracy of the position in centimetres. */
    val accuracyCm: UInt?,
    /** The person chose the position on the map. */
    val isByHand: Boolean = false,
    /** How good the position is; null without one. */
    val fix: Fix? = null,
)

/** A report before it is filed (上报：提交). */
internal data class SubmitState(
    /** Null: no type was chosen yet. */
    val matter: Matter?,
    val photos: List<DraftShot>,
    val place: ReportPlace,
    /** The time as it is filed, and whether it comes from the server or a satellite. */
    val time: String,
    val isTimeTrusted: Boolean,
    val content: ReportContent,
    /** The report is being filed. */
    val isBusy: Boolean,
    val refused: Pair<Mends, Why>?,
    /** A photo that is looked at, whole. */
    val looked: LookedAt?,
)

/** A photo of the draft, whole. */
internal data class LookedAt(val picture: Picture, val number: Int, val isAfter: Boolean = false)

/** What the person typed and ticked. */
data class Entered(val text: String, val address: String, val selfHandled: Boolean)

/** @param ticks one element whenever the time on the page may have changed */
internal class SubmitPresenter(
    private val handset: HandsetInterface,
    private val drafts: ReportDrafts,
    private val draft: EntryKey,
    fixes: Flow<Position>,
    ticks: Flow<Unit>,
    io: CoroutineDispatcher,
) {
    private data class Own(val isBusy: Boolean, val refused: Pair<Mends, Why>?, val looked: LookedAt?, val reads: Int)

    private class Read(val matter: Matter?, val photos: List<DraftShot>, val place: ReportPlace, val content: ReportContent, val reads: Int)

    private val own = MutableStateFlow(Own(false, null, null, 0))
    private var read: Read? = null
    private var isFiled = false

    val states: Flow<SubmitState> = combine(own, fixes.map<Position, Position?> { it }.onStart { emit(null) }, ticks) { own, fix, _ ->
        val read = read(own.reads, fix)
        val today = handset.today()
        SubmitState(read.matter, read.photos, read.place, momentWords(today.now, today.now), today.isTimeTrusted, read.content, own.isBusy, own.refused, own.looked)
    }.flowOn(io)

    /**
     * The draft, read again when something of it changed. The first fix says where it is filed, if no photo did; a better
     * one of the same place replaces a doubted one.
     */
    private suspend fun read(reads: Int, fix: Position?): Read {
        val before = read
        val wantsFix = fix != null && (before?.place?.accuracyCm == null || before.place.fix?.doubts?.isNotEmpty() == true)
        if (before != null && before.reads == reads && (!wantsFix || isFiled)) return before
        return drafts.open(draft) {
            if (wantsFix && it.refine(fix)) it.save()
            readOf(it, reads)
        }.also { read = it }
    }

    private fun readOf(draft: ReportDraft, reads: Int): Read {
        val content = draft.content()
        val position = content.place ?: draft.position()
        return Read(
            matter = content.matter?.let { code -> handset.searchTypes(code.text).firstOrNull { it.code == code } },
            photos = handset.shots(draft.photos()),
            place = ReportPlace(draft.cellName(), draft.located(), position?.accuracyCm, position?.provider == BY_HAND, draft.fix()),
            content = content,
            reads = reads,
        )
    }

    /** Files the report. Its item, or null if the core refused: the state says why, and nothing is lost. */
    suspend fun submit(entered: Entered): EntryKey? {
        val now = own.value
        if (now.isBusy || !own.compareAndSet(now, now.copy(isBusy = true, refused = null))) return null
        return try {
            val item = drafts.open(draft) {
                it.take(entered)
                it.show(entered.selfHandled)
                it.save()
                it.submit().item
            }
            isFiled = true
            item
        } catch (failed: XungeException) {
            own.update { it.copy(refused = failed.why.let { why -> mends(why) to why }) }
            null
        } finally {
            own.update { it.copy(isBusy = false) }
        }
    }

    /** The page is left, or may not come back: keeps what was entered. */
    fun leave(entered: Entered) {
        if (!isFiled) drafts.changeLater(draft) { it.take(entered) }
    }

    /** The person went back: a draft without anything leaves nothing behind. */
    fun gone() = drafts.dropIfEmpty(draft)

    /** Shows a photo whole. */
    suspend fun look(shot: DraftShot, at: Int) = act {
        val jpeg = drafts.open(draft) { handset.photo(shot.photo) }
        own.update { it.copy(looked = LookedAt(Picture(shot.photo, jpeg), at + 1, shot.isAfter(at))) }
    }

    /** Says that a photo is of before, or of after the person handled the matter. */
    suspend fun after(photo: PhotoHash, yes: Boolean) = act {
        drafts.open(draft) { it.photoShows(photo, if (yes) PhotoRole.After else PhotoRole.Before) }
        own.update { it.copy(looked = it.looked?.copy(isAfter = yes), reads = it.reads + 1) }
    }

    fun lookAway() = own.update { it.copy(looked = null) }

    suspend fun removePhoto(photo: PhotoHash) = act {
        drafts.open(draft) { it.removePhoto(photo) }
        own.update { it.copy(looked = null, refused = null, reads = it.reads + 1) }
    }

    private suspend fun act(call: suspend () -> Unit) = try {
        call()
    } catch (failed: XungeException) {
        own.update { it.copy(refused = mends(failed.why) to failed.why) }
    }

    /** Photos are of before and after only where the person handled the matter himself. */
    private fun ReportDraft.show(selfHandled: Boolean) = handset.shots(photos()).forEachIndexed { at, shot ->
        val role = if (!selfHandled) PhotoRole.Scene else if (shot.isAfter(at)) PhotoRole.After else PhotoRole.Before
        if (shot.shows != role) photoShows(shot.photo, role)
    }

    private fun ReportDraft.take(entered: Entered) {
        text(entered.text)
        address(entered.address)
        selfHandled(entered.selfHandled)
    }
}
