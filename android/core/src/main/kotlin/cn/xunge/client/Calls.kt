/** The long calls of the core as suspend functions. Each takes a cancel token of its own, which ends with it. */
package cn.xunge.client

import cn.xunge.core.ActivityRecordDraftInterface
import cn.xunge.core.AnswerDraftInterface
import cn.xunge.core.CancelToken
import cn.xunge.core.Device
import cn.xunge.core.ExportListener
import cn.xunge.core.ExportStep
import cn.xunge.core.Exported
import cn.xunge.core.Handset
import cn.xunge.core.HandsetInterface
import cn.xunge.core.PhoneInterface
import cn.xunge.core.PhotoOrigin
import cn.xunge.core.ReportDraftInterface
import cn.xunge.core.SyncListener
import cn.xunge.core.SyncProgress
import cn.xunge.core.SyncReport
import cn.xunge.core.SyncTrigger
import cn.xunge.core.WatchListener
import cn.xunge.core.Watched
import cn.xunge.core.XungeException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/**
 * Makes a blocking call on [io] that the coroutine's cancel cancels.
 *
 * Returns only when the call has returned, so that nothing of a scope runs on after the scope. A call that was cancelled
 * by its coroutine ends in a [kotlinx.coroutines.CancellationException], whatever the core said; one that was cancelled by
 * the end of the handset ends in the core's `call.cancelled`.
 */
suspend fun <T> cancellable(io: CoroutineDispatcher = Dispatchers.IO, call: (CancelToken) -> T): T = coroutineScope {
    val token = CancelToken()
    val scope = this
    // Unconfined: runs on the thread that cancels, because the caller's own thread may be busy.
    val bridge = launch(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) {
        try {
            awaitCancellation()
        } finally {
            token.cancel()
        }
    }
    try {
        withContext(io) {
            try {
                call(token)
            } catch (failed: XungeException) {
                // The outer scope is cancelled before the bridge hears of it; the inner one perhaps only after the call failed.
                scope.ensureActive()
                throw failed
            }
        }
    } finally {
        withContext(NonCancellable) { bridge.cancelAndJoin() }
        token.close()
    }
}

/** Syncs now, or joins the sync that runs. [onProgress] is called on a thread of the dispatcher. */
suspend fun HandsetInterface.sync(askedBy: SyncTrigger, onProgress: (SyncProgress) -> Unit = {}): SyncReport =
    cancellable { token ->
        sync(
            askedBy,
            token,
            object : SyncListener {
                override fun onProgress(progress: SyncProgress) = onProgress(progress)
            },
        )
    }

/** Seals everything that waits into a new file. */
suspend fun HandsetInterface.exportParcels(file: String, onStep: (ExportStep) -> Unit = {}): Exported =
    cancellable { token ->
        exportParcels(
            file,
            token,
            object : ExportListener {
                override fun onStep(step: ExportStep) = onStep(step)
            },
        )
    }

/** Enrols the first user. */
suspend fun PhoneInterface.enrol(invitation: String, device: Device): Handset =
    cancellable { token -> enrol(invitation, device, token) }

/** Enrols one more user and makes him the current one. */
suspend fun PhoneInterface.enrolAnother(invitation: String, device: Device): Handset =
    cancellable { token -> enrolAnother(invitation, device, token) }

/** Syncs when needed, until the coroutine is cancelled or the handset ends. Takes a thread of the dispatcher. */
suspend fun PhoneInterface.watch(handset: Handset, onEvent: (Watched) -> Unit) =
    cancellable { token ->
        watch(
            handset,
            token,
            object : WatchListener {
                override fun onEvent(event: Watched) = onEvent(event)
            },
        )
    }

/** Adds a photo from a file, which stays where it is. */
suspend fun ReportDraftInterface.addPhoto(path: String, origin: PhotoOrigin) = cancellable { token -> addPhoto(path, origin, token) }

/** Adds a photo from a file, which stays where it is. */
suspend fun ActivityRecordDraftInterface.addPhoto(path: String, origin: PhotoOrigin) = cancellable { token -> addPhoto(path, origin, token) }

/** Adds a photo from a file, which stays where it is. */
suspend fun AnswerDraftInterface.addPhoto(path: String, origin: PhotoOrigin) = cancellable { token -> addPhoto(path, origin, token) }
