package cn.xunge.app.lock

/** Whether pages are shown: the lock is not set, or was opened and the person has not been away for long since. */
class Gate(val lock: Lock, val finger: Finger, private val elapsedMs: () -> Long) {
    private var opened = false
    private var leftAt: Long? = null

    val isOpen: Boolean get() = opened || !lock.isSet

    /** The right PIN, a finger, the phone's credential, or a PIN that was set just now. */
    fun open() {
        opened = true
        if (lock.isSet) lock.opened()
    }

    /** No page is on the screen any more. */
    fun left() {
        leftAt = elapsedMs()
    }

    /** A page is on the screen again. */
    fun came() {
        val away = leftAt?.let { elapsedMs() - it } ?: 0
        leftAt = null
        if (away !in 0..AWAY_MS) opened = false
    }

    private companion object {
        /** As long as a look at another app takes, or the system's camera. */
        const val AWAY_MS = 60_000L
    }
}
