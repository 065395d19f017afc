package cn.xunge.app.background

import cn.xunge.app.platform.PushHint
import cn.xunge.client.loggable
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.delay

/**
 * Makes a sync of a vendor's hints: one at a time, and however many hints come, no more often than each half minute. What
 * the vendor's code throws is logged without its message and ends the hints only: the job of the system goes on.
 *
 * @param sync what a hint asks for; it does not fail
 * @param rest between two syncs
 */
internal class Hints(private val source: PushHint, private val sync: suspend () -> Unit, private val rest: suspend () -> Unit = { delay(REST_MS) }) {
    /** Runs until it is cancelled. */
    suspend fun run() {
        val hints = Channel<Unit>(Channel.CONFLATED)
        if (!guarded { source.start { hints.trySend(Unit) } }) return
        try {
            for (hint in hints) {
                sync()
                rest()
            }
        } finally {
            guarded { source.stop() }
        }
    }

    /** A vendor's code may throw anything; false if it did. */
    private fun guarded(call: () -> Unit): Boolean = try {
        call()
        true
    } catch (failed: RuntimeException) {
        android.util.Log.i("xunge", failed.loggable())
        false
    } catch (missing: LinkageError) {
        android.util.Log.i("xunge", missing.loggable())
        false
    }

    private companion object {
        const val REST_MS = 30_000L
    }
}
