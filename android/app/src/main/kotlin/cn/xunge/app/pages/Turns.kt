package cn.xunge.app.pages

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/**
 * Drafts are saved and opened one after the other. A page that is left saves after its scope has ended, and when the phone
 * was turned the next page opens the same draft at once: it must wait for that save.
 */
internal object Turns {
    private val turn = Mutex()

    /** Makes a call of the core in its turn. */
    suspend fun <T> take(io: CoroutineDispatcher, call: () -> T): T = turn.withLock { withContext(io) { call() } }

    /** As [take], with the call going on to its end when its page is left: a photo that was taken is kept. */
    suspend fun <T> lasting(io: CoroutineDispatcher, call: suspend () -> T): T = CoroutineScope(SupervisorJob() + io)
        .async(start = CoroutineStart.UNDISPATCHED) { turn.withLock { withContext(io) { call() } } }
        .await()

    /** As [take], for a page that is left. Takes its place in the row before it returns. */
    fun leave(io: CoroutineDispatcher, call: () -> Unit) {
        CoroutineScope(io).launch(start = CoroutineStart.UNDISPATCHED) { take(io, call) }
    }
}
