package cn.xunge.app.shell

import cn.xunge.client.changes
import cn.xunge.client.loggable
import cn.xunge.client.watch
import cn.xunge.client.why
import cn.xunge.core.Contact
import cn.xunge.core.Device
import cn.xunge.core.Handset
import cn.xunge.core.NudgeReason
import cn.xunge.core.Phone
import cn.xunge.core.PhoneInterface
import cn.xunge.core.ScreenChanges
import cn.xunge.core.Services
import cn.xunge.core.Watched
import cn.xunge.core.Why
import cn.xunge.core.XungeException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.MutableSharedFlow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.SharedFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext
import java.io.File

/** Whose handset is open. */
sealed class Opened {
    data object Opening : Opened()

    /** Nobody enrolled yet. */
    data object Nobody : Opened()

    data class Ready(val handset: Handset) : Opened()

    /** The home of the current user cannot be opened. */
    data class Failed(val why: Why) : Opened()
}

/** Nobody enrolled yet, or the first enrolment was cut: it is repeated with the same invitation. */
internal fun PhoneInterface.isNobodys(): Boolean = users().all { it.condition == "enrolment_pending" }

/**
 * What all pages share: the phone, the handset that is open, and what changes in it. Lives as long as the process.
 *
 * @param folder where the core keeps everything
 * @param ownBuild of this app: syncs fetch newer ones
 */
class Session(
    folder: File,
    services: Services,
    val device: Device,
    private val ownBuild: UInt,
    private val scope: CoroutineScope,
    val io: CoroutineDispatcher,
) {
    val phone: Phone = Phone.at(folder.path, services)

    private val turn = Mutex()
    private val _opened = MutableStateFlow<Opened>(Opened.Opening)
    private val _changes = MutableSharedFlow<ScreenChanges>(extraBufferCapacity = 64)
    private val _events = MutableSharedFlow<Watched>(extraBufferCapacity = 64)
    private var following: Job? = null

    val opened: StateFlow<Opened> = _opened

    /** What changed in the open handset; a page reads again what an element names. */
    val changes: SharedFlow<ScreenChanges> = _changes

    /** What the watch does: syncs, progress, the line. */
    val events: SharedFlow<Watched> = _events

    /** The open handset. Pages that need one are shown only while there is one. */
    val handset: Handset get() = (_opened.value as Opened.Ready).handset

    /** Opens the current user's handset, or finds that nobody enrolled. */
    suspend fun open() = turn.withLock {
        if (_opened.value is Opened.Ready) return@withLock
        _opened.value = withContext(io) {
            try {
                if (phone.isNobodys()) Opened.Nobody else Opened.Ready(phone.openCurrent())
            } catch (failed: XungeException) {
                Opened.Failed(failed.why)
            }
        }
        follow()
    }

    /**
     * Another handset takes the place of the open one: enrolled just now, or another user's. Goes on to its end when the
     * page that asked for it is left, as every page is when the handset changes.
     */
    suspend fun replace(handset: Handset) = withContext(NonCancellable) {
        turn.withLock {
            val before = _opened.value
            following?.cancel()
            _opened.value = Opened.Ready(handset)
            if (before is Opened.Ready) withContext(io) { before.handset.end() }
            follow()
        }
    }

    /** Ends everything; the process may go on without a handset. */
    suspend fun end() = turn.withLock {
        following?.cancel()
        val before = _opened.value
        _opened.value = Opened.Opening
        if (before is Opened.Ready) withContext(io) { before.handset.end() }
    }

    /** Whom the current user calls, also while his home does not open; null if nobody is known. */
    fun contact(): Contact? = try {
        phone.contact()
    } catch (unreadable: XungeException) {
        android.util.Log.i("xunge", unreadable.loggable())
        null
    }

    /** Wakes the watch. */
    fun nudge(reason: NudgeReason) {
        (_opened.value as? Opened.Ready)?.handset?.nudge(reason)
    }

    private fun follow() {
        val handset = (_opened.value as? Opened.Ready)?.handset ?: return
        following = scope.launch {
            launch { lasting { handset.changes(io).collect { _changes.emit(it) } } }
            launch { lasting { phone.watch(handset) { _events.tryEmit(it) } } }
            launch { lasting { withContext(io) { handset.appUpdate(ownBuild) } } }
        }
    }

    /**
     * Follows until it ends by itself or the handset was ended: the next one is followed by a job of its own. After any
     * other failure, such as a full disk, it begins again.
     */
    private suspend fun lasting(follow: suspend () -> Unit) {
        while (true) {
            try {
                return follow()
            } catch (failed: XungeException) {
                android.util.Log.i("xunge", failed.loggable())
                if (failed.why.code == ENDED) return
            }
            delay(AGAIN_MS)
        }
    }

    private companion object {
        const val ENDED = "terminal.closed"
        const val AGAIN_MS = 30_000L
    }
}
