package cn.xunge.app.lock

import java.security.GeneralSecurityException
import javax.crypto.Cipher

/** What a phone can do with fingerprints. */
enum class Ability {
    /** Before Android 9 there is no dialog of the system's for it. */
    TOO_OLD,
    NO_READER,

    /** A reader, and nobody's fingerprint in the phone yet. */
    NONE_ENROLLED,
    READY,
}

/** The key that works only right after a fingerprint, and that the phone destroys when a new fingerprint is added. */
interface FingerKey {
    /** Makes a new key; a cipher to write with once a finger opened it. Null if the phone makes none. */
    fun toWrite(): Cipher?

    /** A cipher to read what the key wrote; null if the key is gone. */
    fun toRead(iv: ByteArray): Cipher?

    fun drop()
}

/** What the system's dialog came to. */
sealed class FingerAnswer {
    data class Opened(val cipher: Cipher) : FingerAnswer()

    /** The person wants the PIN, or closed the dialog. */
    data object Closed : FingerAnswer()

    /** Too many tries, or the reader failed. [words] are the system's. */
    data class Failed(val words: String) : FingerAnswer()
}

/** Asks for a finger that opens the cipher. */
typealias AskFinger = (Cipher, (FingerAnswer) -> Unit) -> Unit

/**
 * The fingerprint beside the PIN (指纹解锁): off until it is switched on after the PIN, and off again when a fingerprint was
 * added to the phone, because the key that it needs is then gone. Nothing but the app's lock depends on that key.
 */
class Finger(private val lock: Lock, private val key: FingerKey, private val phone: () -> Ability) {
    val ability: Ability get() = phone()

    val isOn: Boolean get() = lock.finger != null && ability != Ability.TOO_OLD

    /** A cipher that a finger has to open before [switchOn]; null if the phone makes no key. */
    fun toSwitchOn(): Cipher? = if (lock.isSet && ability == Ability.READY) key.toWrite() else null

    /** False if the cipher was not opened after all. */
    fun switchOn(opened: Cipher): Boolean {
        val proof = finished(opened, PROOF) ?: return false
        lock.finger = opened.iv + proof
        return true
    }

    fun switchOff() {
        lock.finger = null
        key.drop()
    }

    /** A cipher that a finger has to open before [opens]. Null: the key is gone, and from now on it is switched off. */
    fun toOpen(): Cipher? {
        val kept = lock.finger ?: return null
        return key.toRead(kept.copyOf(IV_BYTES)) ?: null.also { switchOff() }
    }

    /** Whether the key of the one who switched it on was opened. */
    fun opens(opened: Cipher): Boolean {
        val kept = lock.finger ?: return false
        return finished(opened, kept.copyOfRange(IV_BYTES, kept.size)).contentEquals(PROOF)
    }

    /** The keystore refuses a cipher that no finger opened. */
    private fun finished(cipher: Cipher, bytes: ByteArray): ByteArray? = try {
        cipher.doFinal(bytes)
    } catch (refused: GeneralSecurityException) {
        null
    }

    private companion object {
        const val IV_BYTES = 12
        val PROOF = "xunge".toByteArray()
    }
}
