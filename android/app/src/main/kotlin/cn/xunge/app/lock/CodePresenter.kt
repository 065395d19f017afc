package cn.xunge.app.lock

import cn.xunge.client.why
import cn.xunge.core.Contact
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Why
import cn.xunge.core.XungeException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.withContext

/**
 * @param challenge what is read out to the administrator; null while it is made
 * @param contact the administrator
 * @param wrong the last code was not the answer to it
 */
data class CodeState(val challenge: String? = null, val typed: String = "", val wrong: Boolean = false, val waitMs: Long = 0, val why: Why? = null, val contact: Contact? = null)

/** The administrator's code takes the lock away, without a network; a new PIN is set afterwards. [done] is called then. */
class CodePresenter(private val lock: Lock, private val handset: HandsetInterface, private val io: CoroutineDispatcher, private val done: () -> Unit) {
    private val _states = MutableStateFlow(CodeState())

    val states: StateFlow<CodeState> = _states

    suspend fun begin() {
        if (_states.value.challenge != null) return
        _states.value = withContext(io) {
            try {
                CodeState(lock.challenge(handset::unlockChallenge), contact = handset.today().contact)
            } catch (failed: XungeException) {
                CodeState(why = failed.why)
            }
        }
    }

    suspend fun press(digit: Char) {
        val now = _states.value
        if (now.challenge == null || now.typed.length == DIGITS) return
        val typed = now.typed + digit
        _states.value = CodeState(now.challenge, typed, contact = now.contact)
        if (typed.length == DIGITS) complete(now.challenge, typed, now.contact)
    }

    fun erase() {
        val now = _states.value
        if (now.typed.length < DIGITS) _states.value = now.copy(typed = now.typed.dropLast(1))
    }

    private suspend fun complete(challenge: String, code: String, contact: Contact?) {
        val next = withContext(io) {
            try {
                when (val tried = lock.attemptCode(code, handset::isUnlockCode)) {
                    Try.Right -> null
                    Try.Wrong -> CodeState(challenge, wrong = true, contact = contact)
                    is Try.Wait -> CodeState(challenge, wrong = true, waitMs = tried.waitMs, contact = contact)
                }
            } catch (failed: XungeException) {
                CodeState(challenge, why = failed.why, contact = contact)
            }
        }
        if (next == null) done() else _states.value = next
    }

    companion object {
        const val DIGITS = 8
    }
}
