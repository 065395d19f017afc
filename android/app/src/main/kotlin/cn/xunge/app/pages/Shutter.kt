package cn.xunge.app.pages

import cn.xunge.app.shell.Host
import kotlinx.coroutines.suspendCancellableCoroutine
import java.io.File
import kotlin.coroutines.resume

/** Where a page gets a photo from. */
fun interface Shutter {
    /** A new photo; null if the person took none. The file belongs to the caller, who deletes it. */
    suspend fun take(): File?
}

/** A picture that the person chooses; the system's chooser also offers its cameras. */
internal class ChosenPicture(private val host: Host) : Shutter {
    override suspend fun take(): File? = suspendCancellableCoroutine { turn ->
        host.choosePictures { files ->
            files.drop(1).forEach { it.delete() }
            if (turn.isActive) turn.resume(files.firstOrNull()) else files.firstOrNull()?.delete()
        }
    }
}
