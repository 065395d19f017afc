package cn.xunge.app.pages

import cn.xunge.client.why
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Item
import cn.xunge.core.ItemContent
import cn.xunge.core.ItemKind
import cn.xunge.core.ItemState
import cn.xunge.core.Place
import cn.xunge.core.Position
import cn.xunge.core.QueueRow
import cn.xunge.core.ScreenChanges
import cn.xunge.core.Withdrawal
import cn.xunge.core.XungeException
import cn.xunge.ids.EntryKey
import cn.xunge.ids.Moment
import cn.xunge.ids.PhotoHash
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine

/** A photo of an item: [jpeg] is its thumbnail, null if it cannot be read. */
data class ItemShot(val photo: PhotoHash, val sent: Boolean, val jpeg: ByteArray?)

/** What the person does with the item: reads it, or says why it is withdrawn. */
enum class ItemAct { READING, WITHDRAWING }

/**
 * One item in full.
 *
 * @param item null for a draft
 * @param content what was said
 * @param place what the grid says about where it was recorded
 */
data class ItemView(
    val row: QueueRow,
    val item: Item?,
    val content: ItemContent,
    val position: Position?,
    val place: Place?,
    val shots: List<ItemShot>,
    val now: Moment,
    val act: ItemAct = ItemAct.READING,
    val photosWait: PhotosWait = PhotosWait.NETWORK,
) {
    val isDraft: Boolean get() = row.state == ItemState.DRAFT

    /** The author can file a new version. */
    val isMendable: Boolean
        get() = row.state == ItemState.RETURNED && (row.kind == ItemKind.Report || row.kind == ItemKind.Activity)
}

class ItemPresenter(
    private val handset: HandsetInterface,
    private val id: EntryKey,
    private val changes: Flow<ScreenChanges>,
    private val io: CoroutineDispatcher,
) {
    private val reader = Reader(io)
    private val acting = MutableStateFlow(ItemAct.READING)

    /** The draft is discarded, and the page goes with it. */
    @Volatile
    private var going = false
    private val thumbnails = HashMap<PhotoHash, ByteArray?>()
    private var last: ItemView? = null

    val states: Flow<Read<ItemView>> = reader.states(changes, ::read).combine(acting) { read, act -> read.copy(it = read.it?.copy(act = act)) }

    private fun read(): ItemView {
        val now = handset.today().now
        last?.takeIf { going }?.let { return it }
        val draft = handset.drafts().firstOrNull { it.id == id }
        return (if (draft == null) filed(now) else draft(draft, now)).also { last = it }
    }

    private fun filed(now: Moment): ItemView {
        val item = handset.item(id)
        val shots = item.photos.map { ItemShot(it.sha256, it.received != null, thumbnail(it.sha256)) }
        return ItemView(item.row, item, item.content, item.position, place(item.position), shots, now, photosWait = handset.photosWait())
    }

    /** A draft is read by its own object; one that is being filed meanwhile is an item at the next reading. */
    private fun draft(row: QueueRow, now: Moment): ItemView = when (row.kind) {
        ItemKind.Report -> handset.reportDraft(id).use { draft ->
            val said = draft.content()
            val content = ItemContent.Report(said.matter, said.text, said.place, null, said.address, said.selfHandled)
            view(row, content, draft.position(), draft.photos().map { it.sha256 }, now)
        }
        ItemKind.Answer -> handset.answerDraft(id).use { draft ->
            view(row, ItemContent.Unknown, draft.position(), draft.photos().map { it.sha256 }, now)
        }
        ItemKind.Activity -> handset.activityDraft(id).use { draft ->
            view(row, ItemContent.Unknown, draft.position(), draft.photos().map { it.sha256 }, now)
        }
        else -> view(row, ItemContent.Unknown, null, emptyList(), now)
    }

    private fun view(row: QueueRow, content: ItemContent, position: Position?, photos: List<PhotoHash>, now: Moment) =
        ItemView(row, null, content, position, place(position), photos.map { ItemShot(it, false, thumbnail(it)) }, now)

    private fun place(position: Position?): Place? = position?.let { handset.whereIs(it.point, it.accuracyCm) }

    /** A thumbnail that cannot be read leaves its place empty: the item is shown without it. */
    private fun thumbnail(photo: PhotoHash): ByteArray? = synchronized(thumbnails) {
        thumbnails.getOrPut(photo) {
            try {
                handset.thumbnail(photo)
            } catch (unreadable: XungeException) {
                unreadable.why.let { null }
            }
        }
    }

    /** The photo as it was taken; null: the state says why not. */
    suspend fun photo(photo: PhotoHash): ByteArray? = reader.call { handset.photo(photo) }

    /** Begins the next version of a returned report; its draft. */
    suspend fun revise(): EntryKey? = reader.call {
        handset.reviseReport(id).use { draft ->
            draft.save()
            Begun(draft.id())
        }
    }?.draft

    fun ask(act: ItemAct) {
        acting.value = act
    }

    /** Withdraws it, or discards a draft; null: it stands as before, and the state says why. */
    suspend fun withdraw(reason: String): Withdrawal? {
        going = last?.isDraft == true
        val what = reader.call { handset.withdraw(id, reason) }
        going = what == Withdrawal.DraftDiscarded
        if (what != null) acting.value = ItemAct.READING
        reader.again()
        return what
    }

    /** Holds an id, which as a value class cannot be told from null otherwise. */
    private class Begun(val draft: EntryKey)
}
