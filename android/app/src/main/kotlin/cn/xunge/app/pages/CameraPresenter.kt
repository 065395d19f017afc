package cn.xunge.app.pages

import cn.xunge.app.platform.Camera
import cn.xunge.app.platform.CameraFault
import cn.xunge.app.platform.Flash
import cn.xunge.app.platform.Optics
import cn.xunge.client.cancellable
import cn.xunge.client.why
import cn.xunge.core.HandsetInterface
import cn.xunge.core.PhotoOrigin
import cn.xunge.core.Position
import cn.xunge.core.ReportDraft
import cn.xunge.core.Why
import cn.xunge.core.XungeException
import cn.xunge.ids.EntryKey
import java.io.File
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.withContext

/** Whether there is a camera to take a photo with. */
sealed class Lens {
    data object Opening : Lens()

    data class Ready(val optics: Optics) : Lens()

    /** The person did not allow it yet. */
    data object Denied : Lens()

    data class Failed(val fault: CameraFault) : Lens()
}

/** What the page is busy with; the shutter waits for it. */
sealed class Busy {
    data object Taking : Busy()

    /** A photo is turned, scaled, stamped and sealed. */
    data class Keeping(val number: Int, val of: Int) : Busy()
}

/** Why a photo did not get into the draft. */
sealed class PhotoProblem {
    data class Refused(val why: Why) : PhotoProblem()

    /** This phone cannot read the format of a chosen picture. */
    data object Format : PhotoProblem()

    /** The phone has no camera at all, not even the system's. */
    data object NoCamera : PhotoProblem()
}

/** The camera page (上报：拍照). */
data class CameraState(
    val lens: Lens,
    val flash: Flash,
    val here: Here,
    val busy: Busy?,
    val problem: PhotoProblem?,
    /** The draft that has photos already; null: the first photo begins one. */
    val draft: EntryKey?,
)

/**
 * @param draft the draft that gets a further photo; null: the first photo begins one
 * @param allowed whether the person allowed the camera
 * @param asJpeg makes a JPEG of a chosen picture; null if this phone cannot read it
 */
class CameraPresenter(
    private val handset: HandsetInterface,
    private val drafts: ReportDrafts,
    draft: EntryKey?,
    private val fixes: Flow<Position>,
    private val camera: Camera,
    private val allowed: () -> Boolean,
    private val asJpeg: (File) -> File?,
    private val io: CoroutineDispatcher,
) {
    private data class Own(val lens: Lens, val flash: Flash, val busy: Busy?, val problem: PhotoProblem?, val draft: EntryKey?)

    private val own = MutableStateFlow(Own(Lens.Opening, Flash.AUTO, null, null, draft))
    private val fix = MutableStateFlow<Position?>(null)

    init {
        camera.onFault = { fault -> own.update { it.copy(lens = Lens.Failed(fault)) } }
    }

    /** The draft that has photos; null: none was taken. */
    val kept: EntryKey? get() = own.value.draft

    val states: Flow<CameraState> = combine(own, handset.located(fixes)) { own, here ->
        here.fix?.let { fix.value = it }
        CameraState(own.lens, own.flash, here, own.busy, own.problem, own.draft)
    }.flowOn(io)

    /** The page can be seen: opens the camera, which another app may have had meanwhile. */
    suspend fun open() {
        if (own.value.lens is Lens.Ready) return
        if (!allowed()) return own.update { it.copy(lens = Lens.Denied) }
        own.update { it.copy(lens = Lens.Opening) }
        val lens = try {
            Lens.Ready(camera.open())
        } catch (fault: CameraFault) {
            if (fault is CameraFault.Denied) Lens.Denied else Lens.Failed(fault)
        }
        own.update { it.copy(lens = lens) }
    }

    /** The page cannot be seen any more. */
    fun close() {
        camera.close()
        own.update { if (it.lens is Lens.Ready) it.copy(lens = Lens.Opening) else it }
    }

    fun nextFlash() = own.update { it.copy(flash = Flash.entries[(it.flash.ordinal + 1) % Flash.entries.size]) }

    fun noCamera() = own.update { it.copy(problem = PhotoProblem.NoCamera) }

    /** Takes a photo into [file] and keeps it. The draft, or null if it was not kept. */
    suspend fun take(file: File): EntryKey? {
        val now = own.value
        if (now.busy != null || !own.compareAndSet(now, now.copy(busy = Busy.Taking, problem = null))) return null
        try {
            camera.take(file, now.flash)
        } catch (fault: CameraFault) {
            own.update { it.copy(busy = null, lens = Lens.Failed(fault)) }
            return null
        } catch (closed: CancellationException) {
            own.update { it.copy(busy = null) }
            throw closed
        }
        return add(listOf(file), PhotoOrigin.CAMERA)
    }

    /** Keeps photos in the draft, and deletes the files. The stamp of a picture from the library says so. The draft, or null if one was not kept: the state says why. */
    suspend fun add(files: List<File>, origin: PhotoOrigin): EntryKey? {
        var problem: PhotoProblem? = null
        try {
            files.forEachIndexed { at, file ->
                own.update { it.copy(busy = Busy.Keeping(at + 1, files.size), problem = null) }
                keep(file, origin)?.let { problem = it }
            }
        } finally {
            own.update { it.copy(busy = null, problem = problem) }
        }
        return own.value.draft.takeIf { problem == null && files.isNotEmpty() }
    }

    private suspend fun keep(file: File, origin: PhotoOrigin): PhotoProblem? {
        val jpeg = withContext(io) { asJpeg(file) } ?: return PhotoProblem.Format.also { file.delete() }
        try {
            val id = own.value.draft
            val kept: suspend (ReportDraft) -> EntryKey = { draft ->
                draft.placeOnce(fix.value)
                cancellable(io) { token -> draft.addPhoto(jpeg.path, origin, token) }
                draft.id()
            }
            val draft = if (id == null) drafts.begin(kept) else drafts.open(id, kept)
            own.update { it.copy(draft = draft) }
            return null
        } catch (failed: XungeException) {
            return PhotoProblem.Refused(failed.why)
        } finally {
            jpeg.delete()
        }
    }
}
