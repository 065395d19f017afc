package cn.xunge.app.platform

import android.graphics.SurfaceTexture
import java.io.File

/** When the flash fires. */
enum class Flash { AUTO, ON, OFF }

/** Why the camera does not work. */
sealed class CameraFault(what: String) : Exception(what) {
    /** This phone has none. */
    class Missing : CameraFault("no camera")

    /** The person did not allow it. */
    class Denied : CameraFault("no permission")

    /** Another app holds it, or the owner of the phone forbids it. */
    class Taken : CameraFault("held by another")

    /** The device or its driver failed. */
    class Broken : CameraFault("failed")
}

/** What an open camera is like. The size is the one of its preview, which lies on its side. */
data class Optics(val width: Int, val height: Int, val hasFlash: Boolean)

/** The camera of the phone: opened, shown on a surface, asked for a photo, closed. Each call may come from the main thread. */
interface Camera {
    /** Told when an open camera is lost. */
    var onFault: ((CameraFault) -> Unit)?

    /**
     * Opens it. One that is open stays so.
     *
     * @param look gets what the camera sees, to look for something in it, on a thread of the camera: the next frame comes
     *   after it returns, and those between are dropped. With it no photos are taken
     * @throws CameraFault
     */
    suspend fun open(look: ((Frame) -> Unit)? = null): Optics

    /** The lamp while frames are looked at. Without a lamp nothing happens. */
    fun light(on: Boolean)

    /** Where the picture is shown; null: nowhere any more. May come before [open]. */
    fun preview(surface: SurfaceTexture?)

    /**
     * Takes a photo into the file, as JPEG that says how it is turned.
     *
     * @throws CameraFault
     */
    suspend fun take(file: File, flash: Flash)

    /** Lets go of it; calls that still wait are cancelled. It can be opened again. */
    fun close()
}
