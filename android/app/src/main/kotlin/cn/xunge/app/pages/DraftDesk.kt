package cn.xunge.app.pages

import cn.xunge.app.platform.Pictures
import cn.xunge.client.addPhoto
import cn.xunge.client.why
import cn.xunge.core.ActivityRecordDraftInterface
import cn.xunge.core.AnswerDraftInterface
import cn.xunge.core.DraftPhoto
import cn.xunge.core.HandsetInterface
import cn.xunge.core.PhotoOrigin
import cn.xunge.core.Position
import cn.xunge.core.Submitted
import cn.xunge.core.Why
import cn.xunge.core.Words
import cn.xunge.core.XungeException
import cn.xunge.ids.PhotoHash
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.withContext

/** The calls that drafts of all kinds have; the generated interfaces have no common one. */
internal class DraftCalls(
    val at: (Position) -> Unit,
    val addPhoto: suspend (String, PhotoOrigin) -> Unit,
    val removePhoto: (PhotoHash) -> Unit,
    val photos: () -> List<DraftPhoto>,
    val save: () -> Unit,
    val fewerPhotos: () -> Words?,
    val submit: () -> Submitted,
)

internal fun AnswerDraftInterface.calls() = DraftCalls(::at, { path, origin -> addPhoto(path, origin) }, ::removePhoto, ::photos, ::save, ::fewerPhotos, ::submit)

internal fun ActivityRecordDraftInterface.calls() = DraftCalls(::at, { path, origin -> addPhoto(path, origin) }, ::removePhoto, ::photos, ::save, ::fewerPhotos, ::submit)

/**
 * What a page shows of its draft besides the content.
 *
 * @param busy a photo is being prepared, or the draft is being filed
 * @param problem why the last call was refused
 */
internal data class DraftWork(val shots: List<DraftShot> = emptyList(), val busy: Boolean = false, val problem: Why? = null)

/**
 * Photos, saving and filing of one draft. What is typed stays with the page until it is saved: a photo that is being
 * prepared holds the draft, and the screen must not wait for it.
 */
internal class DraftDesk(private val handset: HandsetInterface, private val draft: DraftCalls, private val io: CoroutineDispatcher) {
    private val _work = MutableStateFlow(DraftWork())
    private var filed = false

    val work: StateFlow<DraftWork> = _work

    suspend fun read() {
        _work.value = DraftWork(withContext(io) { handset.shots(draft.photos()) })
    }

    /** Tells the draft where the handset is: photos are stamped with it. */
    suspend fun locate(fixes: Flow<Position>) = fixes.collect { fix -> withContext(io) { draft.at(fix) } }

    /** Adds the photo, after what the draft is busy with, and deletes its file. A format that this phone cannot read is named by the core. */
    suspend fun add(photo: NewPhoto) = withContext(NonCancellable) {
        val chosen = photo.origin == PhotoOrigin.LIBRARY
        val file = if (chosen) withContext(io) { Pictures.asJpeg(photo.file) } ?: photo.file else photo.file
        try {
            do _work.first { !it.busy } while (!filed && !act { draft.addPhoto(file.path, photo.origin) })
        } finally {
            file.delete()
        }
    }

    suspend fun remove(photo: PhotoHash) {
        act { withContext(io) { draft.removePhoto(photo) } }
    }

    /** What to ask before the draft is filed with fewer photos than asked for; null if it has enough. */
    suspend fun fewer(): Words? = withContext(io) { orNull { draft.fewerPhotos() } }

    /** Writes what was typed and files the draft; null if the core refused it. */
    suspend fun submit(write: () -> Unit): Submitted? {
        var submitted: Submitted? = null
        act {
            submitted = Turns.take(io) {
                write()
                draft.save()
                draft.submit()
            }
            filed = true
        }
        return submitted
    }

    /** The page is left: saves what was typed. */
    fun leave(write: () -> Unit) {
        if (filed) return
        Turns.leave(io) {
            tried {
                write()
                draft.save()
            }
        }
    }

    /** Makes one call; false if another one runs. It goes on when the page is left: half a call would leave the desk busy. */
    private suspend fun act(call: suspend () -> Unit): Boolean = withContext(NonCancellable) {
        val before = _work.value
        if (before.busy || !_work.compareAndSet(before, before.copy(busy = true, problem = null))) return@withContext false
        val problem = try {
            call()
            null
        } catch (refused: XungeException) {
            refused.why
        }
        _work.value = DraftWork(withContext(io) { handset.shots(draft.photos()) }, problem = problem)
        true
    }
}
