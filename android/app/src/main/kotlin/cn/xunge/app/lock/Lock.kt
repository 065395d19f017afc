package cn.xunge.app.lock

import java.io.File
import java.io.IOException
import java.security.MessageDigest
import java.security.SecureRandom
import java.util.Properties
import javax.crypto.SecretKeyFactory
import javax.crypto.spec.PBEKeySpec

/** What a try of a PIN came to. */
sealed class Try {
    data object Right : Try()

    data object Wrong : Try()

    /** Too many wrong tries: none counts before [waitMs] have passed. */
    data class Wait(val waitMs: Long) : Try()
}

/**
 * The app's lock: a PIN of six digits, kept salted and slow to guess in a file of the app. It works before the core opens,
 * and nothing depends on it: the keys of the stores do not, a sync goes on while the app is locked, and taking the lock
 * away deletes nothing.
 *
 * @param file the only file; its loss opens the app, because who can delete it can do as he likes with the app anyway
 * @param elapsedMs time since the phone's start, with sleep; a restart begins the wait again
 */
class Lock(private val file: File, private val elapsedMs: () -> Long) {
    val isSet: Boolean get() = file.isFile

    /** Wrong tries and the time of the last one, should the disk be too full to keep them: no room is no way in. */
    private var uncounted = 0 to 0L

    /** What was read out, should the disk be too full to keep it. */
    private var unkept: String? = null

    /** What a finger has to open ([Finger]); null while that is switched off. It ends with the lock. */
    var finger: ByteArray?
        get() = if (isSet) read().getProperty(FINGER)?.unhex() else null
        set(value) {
            if (!isSet) return
            val kept = read().entries.associate { "${it.key}" to "${it.value}" }
            write(if (value == null) kept - FINGER else kept + (FINGER to value.hex()))
        }

    /** Sets or changes the PIN; false if the disk is too full to keep it. */
    fun set(pin: String): Boolean {
        require(isPin(pin)) { "a PIN is $DIGITS digits" }
        val salt = ByteArray(SALT_BYTES).also { SecureRandom().nextBytes(it) }
        val kept = finger?.let { mapOf(FINGER to it.hex()) }.orEmpty()
        return write(kept + mapOf(SALT to salt.hex(), HASH to hash(pin, salt).hex()))
    }

    /** It was opened by another way: what was read out to the administrator is of no use any more. */
    fun opened() {
        unkept = null
        val kept = read()
        if (CHALLENGE in kept.stringPropertyNames()) write(kept.stringPropertyNames().minus(CHALLENGE).associateWith(kept::getProperty))
    }

    /** Takes the lock away: by the PIN, or after the phone's own credential. */
    fun clear() {
        file.delete()
    }

    fun attempt(pin: String): Try = attempt { kept, salt -> isPin(pin) && MessageDigest.isEqual(hash(pin, salt), kept.getProperty(HASH)?.unhex()) }

    /** A try of the administrator's code; wrong ones count as wrong PINs do. The right one takes the lock away. */
    fun attemptCode(code: String, isRight: (challenge: String, code: String) -> Boolean): Try {
        val tried = attempt { kept, _ -> (kept.getProperty(CHALLENGE) ?: unkept)?.let { isRight(it, code) } ?: false }
        if (tried == Try.Right) clear()
        return tried
    }

    /** What is read out to the administrator: the same digits until the lock is open, also after the end of the process. */
    fun challenge(fresh: () -> String): String {
        val kept = read()
        (kept.getProperty(CHALLENGE) ?: unkept)?.let { return it }
        return fresh().also { unkept = it }.also { write(kept.stringPropertyNames().associateWith(kept::getProperty) + (CHALLENGE to it)) }
    }

    private fun attempt(isRight: (Properties, ByteArray) -> Boolean): Try {
        val kept = read()
        val salt = kept.getProperty(SALT)?.unhex() ?: return Try.Right
        val counted = (kept.getProperty(FAILURES)?.toIntOrNull() ?: 0) to (kept.getProperty(FAILED_AT)?.toLongOrNull() ?: 0)
        val (failures, since) = if (uncounted.first > counted.first) uncounted else counted
        // After a restart the clock since boot is below the time of the failure: the wait begins again from zero.
        val passed = elapsedMs() - if (since <= elapsedMs()) since else 0
        val wait = waitAfter(failures) - passed
        if (wait > 0) return Try.Wait(wait)
        val all = listOf(SALT, HASH, FINGER, CHALLENGE).mapNotNull { name -> kept.getProperty(name)?.let { name to it } }.toMap()
        if (isRight(kept, salt)) {
            unkept = null
            uncounted = 0 to 0L
            if (failures > 0 || CHALLENGE in all) write(all - CHALLENGE)
            return Try.Right
        }
        uncounted = failures + 1 to elapsedMs()
        write(all + mapOf(FAILURES to "${failures + 1}", FAILED_AT to "${elapsedMs()}"))
        val next = waitAfter(failures + 1)
        return if (next > 0) Try.Wait(next) else Try.Wrong
    }

    private fun read() = Properties().apply {
        try {
            file.inputStream().use(::load)
        } catch (missing: IOException) {
            clear()
        }
    }

    /** False on a full disk: the file stays as it was, and a lock that was set stays set. */
    private fun write(values: Map<String, String>): Boolean {
        val fresh = File(file.path + ".new")
        return try {
            fresh.outputStream().use { Properties().apply { putAll(values) }.store(it, null) }
            fresh.renameTo(file)
        } catch (full: IOException) {
            fresh.delete()
            false
        }
    }

    private fun hash(pin: String, salt: ByteArray): ByteArray =
        SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256").generateSecret(PBEKeySpec(pin.toCharArray(), salt, ROUNDS, HASH_BITS)).encoded

    companion object {
        const val DIGITS = 6

        fun isPin(text: String) = text.length == DIGITS && text.all { it in '0'..'9' }

        /** None for four tries; then half a minute, doubled with each further one, up to an hour. */
        internal fun waitAfter(failures: Int): Long =
            if (failures < FREE_TRIES) 0 else (FIRST_WAIT_MS shl (failures - FREE_TRIES).coerceAtMost(10)).coerceAtMost(LONGEST_WAIT_MS)

        private const val FREE_TRIES = 5
        private const val FIRST_WAIT_MS = 30_000L
        private const val LONGEST_WAIT_MS = 3_600_000L
        private const val ROUNDS = 60_000
        private const val HASH_BITS = 256
        private const val SALT_BYTES = 16
        private const val SALT = "salt"
        private const val HASH = "hash"
        private const val FINGER = "finger"
        private const val FAILURES = "failures"
        private const val CHALLENGE = "challenge"
        private const val FAILED_AT = "failed_at"
    }
}

private fun ByteArray.hex() = joinToString("") { "%02x".format(it) }

private fun String.unhex() = chunked(2).map { it.toInt(16).toByte() }.toByteArray()
