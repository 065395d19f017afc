package cn.xunge.app.lock

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.update

/**
 * @param pin the digits, while they are asked for
 * @param failed it could not be switched on; the system's words, or empty
 */
data class FingerState(val ability: Ability, val isOn: Boolean, val pin: LockState? = null, val failed: String? = null)

/** Switches the fingerprint on after the PIN, or off. */
class FingerPresenter(private val finger: Finger, private val ask: AskFinger, pin: (() -> Unit) -> LockPresenter) {
    private data class Own(val asksPin: Boolean = false, val failed: String? = null, val isOn: Boolean)

    private val own = MutableStateFlow(Own(isOn = finger.isOn))

    /** The digits. */
    val pin: LockPresenter = pin(::proven)

    val states: Flow<FingerState> = combine(own, this.pin.states) { own, digits ->
        FingerState(finger.ability, own.isOn, digits.takeIf { own.asksPin }, own.failed)
    }

    val asksPin: Boolean get() = own.value.asksPin

    /** It is wanted: the PIN is asked for first; or it is not wanted after all. */
    fun want(isWanted: Boolean) = own.update { it.copy(asksPin = isWanted, failed = null) }

    private fun proven() {
        own.update { it.copy(asksPin = false) }
        val cipher = finger.toSwitchOn() ?: return own.update { it.copy(failed = "") }
        ask(cipher) { answer ->
            val failed = when (answer) {
                is FingerAnswer.Opened -> if (finger.switchOn(answer.cipher)) null else ""
                is FingerAnswer.Failed -> answer.words
                FingerAnswer.Closed -> null
            }
            own.value = Own(failed = failed, isOn = finger.isOn)
        }
    }

    fun switchOff() {
        finger.switchOff()
        own.value = Own(isOn = false)
    }
}
