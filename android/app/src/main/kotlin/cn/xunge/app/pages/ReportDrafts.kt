package cn.xunge.app.pages

import cn.xunge.client.code
import cn.xunge.core.DraftPhoto
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Position
import cn.xunge.core.ReportDraft
import cn.xunge.core.XungeException
import cn.xunge.ids.EntryKey
import cn.xunge.ids.PhotoHash
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/**
 * The drafts of reports, as the pages of a report read and change them. Each act opens the saved draft and is done before
 * the next begins, in the order in which they were asked for: a page that is left saves, and the next one reads what it
 * saved. An act goes on when its page is left, so that no photo and no word is lost.
 */
class ReportDrafts(private val handset: HandsetInterface, private val io: CoroutineDispatcher) {
    /** Begins a draft. It is kept once [act] adds a photo or saves. */
    suspend fun <T> begin(act: suspend (ReportDraft) -> T): T = lasting { handset.newReport().use { act(it) } }

    /** Opens a saved draft. */
    suspend fun <T> open(id: EntryKey, act: suspend (ReportDraft) -> T): T = lasting { handset.reportDraft(id).use { act(it) } }

    /** Changes a saved draft and saves it. */
    suspend fun change(id: EntryKey, act: (ReportDraft) -> Unit) = open(id) {
        act(it)
        it.save()
    }

    /** As [change], for a page that is left: nobody waits. */
    fun changeLater(id: EntryKey, act: (ReportDraft) -> Unit) = later { handset.reportDraft(id).use { act(it); it.save() } }

    /** The page is left: a draft without photo, type and words leaves nothing behind. */
    fun dropIfEmpty(id: EntryKey) = later {
        val empty = handset.reportDraft(id).use { draft ->
            val content = draft.content()
            draft.photos().isEmpty() && content.matter == null && content.text.isBlank() && content.address.isBlank()
        }
        if (empty) handset.withdraw(id, "")
    }

    /** The pictures of a draft's photos, small. One that cannot be read is a gap. */
    fun pictures(photos: List<DraftPhoto>): List<DraftPicture> = photos.map { photo ->
        val jpeg = try {
            handset.thumbnail(photo.sha256)
        } catch (unreadable: XungeException) {
            null
        }
        DraftPicture(photo.sha256, photo.size.toLong(), jpeg)
    }

    private fun later(act: () -> Unit) {
        KEEPING.async(start = CoroutineStart.UNDISPATCHED) {
            TURN.withLock {
                withContext(io) {
                    try {
                        act()
                    } catch (failed: XungeException) {
                        // Filed or thrown away meanwhile: there is no draft to save.
                        android.util.Log.i("xunge", failed.code)
                    }
                }
            }
        }
    }

    private suspend fun <T> lasting(act: suspend () -> T): T =
        KEEPING.async(start = CoroutineStart.UNDISPATCHED) { TURN.withLock { withContext(io) { act() } } }.await()

    private companion object {
        val KEEPING = CoroutineScope(SupervisorJob() + Dispatchers.Default)
        val TURN = Mutex()
    }
}

/** A photo of a draft and its thumbnail; pictures of the same photo are equal. */
class DraftPicture(val photo: PhotoHash, val bytes: Long, val jpeg: ByteArray?) {
    override fun equals(other: Any?) = other is DraftPicture && other.photo == photo && (other.jpeg == null) == (jpeg == null)

    override fun hashCode() = photo.hashCode()
}

/** Says where a draft is filed, if nothing says so yet: its photos were taken there. */
internal fun ReportDraft.placeOnce(fix: Position?) {
    if (fix != null && position() == null) at(fix)
}
