package cn.xunge.app.pages

import cn.xunge.app.shell.isNobodys
import cn.xunge.client.enrol
import cn.xunge.client.enrolAnother
import cn.xunge.client.sync
import cn.xunge.core.Device
import cn.xunge.core.Handset
import cn.xunge.core.InvitationPreview
import cn.xunge.core.PhoneInterface
import cn.xunge.core.SyncProgress
import cn.xunge.core.SyncTrigger
import cn.xunge.core.Why
import cn.xunge.core.XungeException
import cn.xunge.client.why
import cn.xunge.core.previewInvitation
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/** How far an enrolment is. */
internal sealed class EnrolState {
    /**
     * The invitation is asked for.
     *
     * @param typed what stands in the field
     * @param scan the camera, while it is the way
     */
    data class Asking(
        val typed: String = "",
        val way: Way = Way.START,
        val reading: Boolean = false,
        val problem: Problem? = null,
        val scan: Scan = Scan(),
    ) : EnrolState()

    /** What the invitation says; the person decides. [why]: the last try failed. */
    data class Preview(val invitation: String, val seen: InvitationPreview, val why: Why? = null) : EnrolState()

    /** The server is asked. */
    data class Enrolling(val invitation: String, val seen: InvitationPreview) : EnrolState()

    /** The handset is enrolled and fetches what it needs. */
    data class Fetching(val holder: String, val post: String?, val step: FetchStep) : EnrolState()

    /** The handset is open; the app goes on to 今日. */
    data object Done : EnrolState()
}

/** How the invitation gets in. A picture can be chosen from each. */
internal enum class Way { START, SCAN, TYPE }

/** Why no invitation was read. */
internal sealed class Problem {
    /** No code in the picture. */
    data object NoCode : Problem()

    data class Refused(val why: Why) : Problem()
}

/** A step of the first sync; files by their bytes. */
internal sealed class FetchStep {
    data object Connecting : FetchStep()

    data object Connected : FetchStep()

    data class File(val name: String, val have: Long, val size: Long) : FetchStep()

    /** It could not be finished; what is missing comes by itself later. */
    data class Later(val why: Why) : FetchStep()
}

/**
 * Enrols a user. Lives longer than its page: when the phone is turned in the middle, the call to the server goes on.
 *
 * @param preview reads an invitation without using it
 * @param opened the handset that is enrolled takes the place of the open one
 */
internal class EnrolPresenter(
    private val phone: PhoneInterface,
    private val device: Device,
    private val scope: CoroutineScope,
    private val io: CoroutineDispatcher,
    private val preview: (String) -> InvitationPreview = ::previewInvitation,
    private val opened: suspend (Handset) -> Unit,
) {
    private val _states = MutableStateFlow<EnrolState>(EnrolState.Asking())
    @Volatile
    private var running: Job? = null

    val states: StateFlow<EnrolState> = _states

    /** Another way is wanted. */
    fun by(way: Way) = asking { copy(way = way, problem = null) }

    fun typed(text: String) = asking { copy(typed = text) }

    /** The person chose a picture; [read] finds the code in it. */
    fun picture(read: () -> String?) {
        asking { copy(reading = true, problem = null) }
        scope.launch {
            val text = withContext(io) { read() }
            asking { copy(reading = false) }
            if (text == null) asking { copy(problem = Problem.NoCode) } else take(text)
        }
    }

    /** An invitation as text: scanned, read from a picture or typed. */
    suspend fun take(text: String) {
        if (_states.value !is EnrolState.Asking) return
        when (val seen = withContext(io) { tried { preview(text.trim()) } }) {
            is Tried.Done -> _states.value = EnrolState.Preview(text.trim(), seen.value)
            is Tried.Refused -> asking { copy(problem = Problem.Refused(seen.why)) }
        }
    }

    /** Another invitation, please. */
    fun again() {
        if (_states.value is EnrolState.Preview) _states.value = EnrolState.Asking()
    }

    /** Enrols with the invitation that is shown. A call that was cut can be made again with the same one. */
    fun enrol() {
        val shown = _states.value as? EnrolState.Preview ?: return
        _states.value = EnrolState.Enrolling(shown.invitation, shown.seen)
        running = scope.launch {
            val handset = try {
                val first = withContext(io) { phone.isNobodys() }
                if (first) phone.enrol(shown.invitation, device) else phone.enrolAnother(shown.invitation, device)
            } catch (refused: XungeException) {
                _states.value = shown.copy(why = refused.why)
                return@launch
            } catch (cancelled: CancellationException) {
                _states.value = shown.copy(why = null)
                throw cancelled
            }
            // Enrolled is enrolled: from here on a cancel ends only the wait.
            withContext(NonCancellable) { fetch(handset) }
        }
    }

    /** Ends the call to the server, or goes on without waiting for the first sync. */
    fun cancel() {
        running?.cancel()
    }

    /** Grid, catalogue and tasks. Whatever comes of it, the handset is enrolled, and later syncs fetch the rest. */
    private suspend fun fetch(handset: Handset) {
        val today = withContext(io) { orNull { handset.today() } }
        fun show(step: FetchStep) {
            _states.value = EnrolState.Fetching(today?.holder.orEmpty(), today?.post, step)
        }
        show(FetchStep.Connecting)
        val syncing = scope.launch {
            try {
                handset.sync(SyncTrigger.PERSON) { progress ->
                    when (progress) {
                        SyncProgress.Connected -> show(FetchStep.Connected)
                        is SyncProgress.File -> show(FetchStep.File(progress.name.text, progress.have.toLong(), progress.size.toLong()))
                        is SyncProgress.Problem -> show(FetchStep.Later(progress.why))
                        else -> Unit
                    }
                }
            } catch (failed: XungeException) {
                show(FetchStep.Later(failed.why))
            }
        }
        running = syncing
        syncing.join()
        opened(handset)
        _states.value = EnrolState.Done
    }

    private fun asking(edit: EnrolState.Asking.() -> EnrolState.Asking) {
        (_states.value as? EnrolState.Asking)?.let { _states.value = it.edit() }
    }
}
