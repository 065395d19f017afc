/** What changed, as a flow for screens. */
package cn.xunge.client

import cn.xunge.core.ChangeListener
import cn.xunge.core.HandsetChange
import cn.xunge.core.HandsetInterface
import cn.xunge.core.ScreenChanges
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn

/**
 * Tells what changed until its collector ends. The first element names everything: a screen that reads what an element
 * names shows all there is, and misses nothing that comes later. Changes while the collector is busy are told together.
 *
 * After the end of the handset nothing comes any more; a new collector gets `terminal.closed`.
 */
fun HandsetInterface.changes(io: CoroutineDispatcher = Dispatchers.IO): Flow<ScreenChanges> = flow {
    val inbox = Inbox()
    val observing = observe(inbox)
    try {
        emit(ScreenChanges(HandsetChange.entries, emptyList(), emptyList()))
        while (true) {
            emit(inbox.take())
        }
    } finally {
        observing.end()
        observing.close()
    }
}.buffer(Channel.RENDEZVOUS).flowOn(io)

/** Both as one: what arrived and went meanwhile is not announced. */
internal operator fun ScreenChanges.plus(later: ScreenChanges) = ScreenChanges(
    what = (what + later.what).distinct(),
    tasksArrived = tasksArrived - later.tasksGone.toSet() + later.tasksArrived,
    tasksGone = tasksGone - later.tasksArrived.toSet() + later.tasksGone,
)

/** Takes changes on the core's thread and never makes it wait. */
private class Inbox : ChangeListener {
    private val signal = Channel<Unit>(Channel.CONFLATED)
    private var pending: ScreenChanges? = null

    override fun onChange(changes: ScreenChanges) {
        synchronized(this) { pending = pending?.plus(changes) ?: changes }
        signal.trySend(Unit)
    }

    suspend fun take(): ScreenChanges {
        while (true) {
            signal.receive()
            synchronized(this) { pending.also { pending = null } }?.let { return it }
        }
    }
}
