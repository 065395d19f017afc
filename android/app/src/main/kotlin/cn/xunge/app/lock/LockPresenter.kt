package cn.xunge.app.lock

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.withContext

/** What the digits are for. */
enum class Asking { UNLOCK, NEW, AGAIN }

/**
 * @param wrong the last try was wrong, or the two new ones differ
 * @param byFinger a finger opens too
 * @param fingersChanged a finger does not open any more, because the phone's fingerprints changed
 * @param failed why the system read no finger, in its words
 * @param isFull the phone has no room to keep the new PIN
 */
data class LockState(
    val asking: Asking,
    val typed: Int = 0,
    val wrong: Boolean = false,
    val waitMs: Long = 0,
    val byFinger: Boolean = false,
    val fingersChanged: Boolean = false,
    val failed: String? = null,
    val isFull: Boolean = false,
)

/**
 * Digits one by one: to unlock, or twice to set a PIN. [done] is called once it is unlocked or set.
 *
 * @param sets sets a PIN; one that is set already is asked for first
 * @param finger opens in place of the PIN while it is switched on; null: only the PIN counts
 * @param ask shows the system's dialog for a finger
 */
class LockPresenter(
    private val lock: Lock,
    private val sets: Boolean,
    private val io: CoroutineDispatcher,
    private val finger: Finger? = null,
    private val ask: AskFinger = { _, answer -> answer(FingerAnswer.Closed) },
    private val done: () -> Unit,
) {
    private val _states = MutableStateFlow(LockState(if (sets && !lock.isSet) Asking.NEW else Asking.UNLOCK, byFinger = finger?.isOn == true))
    private var digits = ""
    private var first = ""

    val states: StateFlow<LockState> = _states

    /** The old PIN was given, so that a new one, or none, may take its place. */
    val replaces: Boolean get() = sets && lock.isSet && _states.value.asking != Asking.UNLOCK

    suspend fun press(digit: Char) {
        if (digits.length == Lock.DIGITS) return
        digits += digit
        _states.value = _states.value.copy(typed = digits.length, wrong = false, waitMs = 0, failed = null)
        if (digits.length == Lock.DIGITS) complete()
    }

    /** Asks for a finger instead of the digits. */
    suspend fun byFinger() {
        val finger = finger?.takeIf { _states.value.byFinger } ?: return
        val cipher = withContext(io) { finger.toOpen() } ?: return changed()
        ask(cipher) { answer ->
            when (answer) {
                is FingerAnswer.Opened -> if (finger.opens(answer.cipher)) done() else changed()
                is FingerAnswer.Failed -> _states.value = _states.value.copy(failed = answer.words)
                FingerAnswer.Closed -> Unit
            }
        }
    }

    private fun changed() {
        finger?.switchOff()
        _states.value = _states.value.copy(byFinger = false, fingersChanged = true)
    }

    /** No PIN any more. */
    fun takeAway() {
        lock.clear()
        done()
    }

    fun erase() {
        digits = digits.dropLast(1)
        _states.value = _states.value.copy(typed = digits.length)
    }

    private suspend fun complete() {
        val pin = digits
        val asking = _states.value.asking
        val next = when (asking) {
            Asking.UNLOCK -> when (val tried = withContext(io) { lock.attempt(pin) }) {
                Try.Right -> if (sets) LockState(Asking.NEW) else null
                Try.Wrong -> _states.value.copy(typed = 0, wrong = true)
                is Try.Wait -> _states.value.copy(typed = 0, wrong = true, waitMs = tried.waitMs)
            }
            Asking.NEW -> LockState(Asking.AGAIN).also { first = pin }
            Asking.AGAIN -> if (pin == first) {
                if (withContext(io) { lock.set(pin) }) null else LockState(Asking.NEW, isFull = true)
            } else {
                LockState(Asking.NEW, wrong = true)
            }
        }
        digits = ""
        if (next == null) done() else _states.value = next
    }
}
