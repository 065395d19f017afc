package cn.xunge.app.pages

import android.Manifest
import android.app.Dialog
import cn.xunge.app.R
import cn.xunge.app.platform.Camera
import cn.xunge.app.platform.CameraFault
import cn.xunge.app.platform.CaptureFiles
import cn.xunge.app.platform.Flash
import cn.xunge.app.platform.Optics
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.XungeApp
import cn.xunge.core.PhotoOrigin
import java.io.File
import kotlin.coroutines.resume
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import kotlinx.coroutines.suspendCancellableCoroutine

/** Where a page gets a photo from. */
internal fun interface PhotoTaker {
    /** A new photo; null if the person took none. */
    suspend fun take(): NewPhoto?

    /** Photos that came for the page while it was not there. */
    fun waiting(): List<NewPhoto> = emptyList()
}

/** A photo on its way into a draft. The file belongs to who has this, and is deleted afterwards. */
internal data class NewPhoto(val file: File, val origin: PhotoOrigin)

/** A picture that the person chooses; the system's chooser also offers its cameras. */
internal class ChosenPicture(private val host: Host, private val page: String) : PhotoTaker {
    override suspend fun take(): NewPhoto? = suspendCancellableCoroutine { turn ->
        host.choosePictures(page) { files ->
            files.drop(1).forEach { it.delete() }
            val first = files.firstOrNull()
            if (turn.isActive) turn.resume(first?.let { NewPhoto(it, PhotoOrigin.LIBRARY) }) else first?.delete()
        }
    }
}

/**
 * Our own camera over the page; a phone whose camera does not work, or may not be used, offers its pictures instead.
 *
 * @param page what chosen pictures are kept for while the page is not there
 */
internal class OwnCamera(private val host: Host, private val page: String, private val hint: () -> CharSequence) : PhotoTaker {
    override fun waiting(): List<NewPhoto> = CaptureFiles(host.context).chosen(page).map { NewPhoto(it, PhotoOrigin.LIBRARY) }

    override suspend fun take(): NewPhoto? {
        val allowed = suspendCancellableCoroutine { turn -> host.permit(listOf(Manifest.permission.CAMERA)) { if (turn.isActive) turn.resume(it) } }
        if (!allowed) return ChosenPicture(host, page).take()
        return when (val taken = Finder(host, hint()).take()) {
            is Taken.Photo -> NewPhoto(taken.file, PhotoOrigin.CAMERA)
            Taken.Nothing -> null
            Taken.Instead -> ChosenPicture(host, page).take()
        }
    }
}

private sealed class Taken {
    data class Photo(val file: File) : Taken()

    data object Nothing : Taken()

    /** The person wants one of the phone's pictures, or the camera does not work. */
    data object Instead : Taken()
}

/** The camera in a window of its own: opened for one photo. */
private class Finder(private val host: Host, private val hint: CharSequence) {
    private val context = host.context
    private val camera: Camera = XungeApp.of(context).camera(context)
    private val dialog = Dialog(context, R.style.Theme_Xunge)
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Main)
    private var flash = Flash.AUTO
    private var optics: Optics? = null
    private var shooting: Job? = null
    private var done: (Taken) -> Unit = {}
    private lateinit var view: CameraView

    suspend fun take(): Taken = try {
        suspendCancellableCoroutine { turn ->
            done = { if (turn.isActive) turn.resume(it) }
            show()
        }
    } finally {
        scope.cancel()
        camera.close()
        dialog.dismiss()
    }

    private fun show() {
        val acts = CameraView.Acts(close = { done(Taken.Nothing) }, shoot = ::shoot, flash = ::turnFlash, choose = { done(Taken.Instead) })
        view = CameraView(context, acts, camera::preview)
        dialog.setContentView(view)
        dialog.setOnCancelListener { done(Taken.Nothing) }
        dialog.show()
        say(null)
        camera.onFault = { done(Taken.Instead) }
        scope.launch {
            try {
                optics = camera.open()
                say(null)
            } catch (broken: CameraFault) {
                done(Taken.Instead)
            }
        }
    }

    private fun shoot() {
        if (shooting?.isActive == true) return
        say(context.getString(R.string.camera_taking))
        shooting = scope.launch {
            val file = CaptureFiles(context).fresh()
            try {
                camera.take(file, flash)
                done(Taken.Photo(file))
            } catch (broken: CameraFault) {
                file.delete()
                done(Taken.Instead)
            }
        }
    }

    private fun turnFlash() {
        flash = Flash.entries[(flash.ordinal + 1) % Flash.entries.size]
        say(null)
    }

    private fun say(busy: CharSequence?) {
        val word = optics?.takeIf { it.hasFlash }?.let { context.getString(flash.word) }
        view.show(where = hint, flashNow = word, next = "", busy = busy, optics = optics)
    }
}

/** How the flash is set, in words. */
internal val Flash.word: Int
    get() = when (this) {
        Flash.AUTO -> R.string.flash_auto
        Flash.ON -> R.string.flash_on
        Flash.OFF -> R.string.flash_off
    }
