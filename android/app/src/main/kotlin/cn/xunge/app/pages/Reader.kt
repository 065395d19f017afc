package cn.xunge.app.pages

import cn.xunge.client.why
import cn.xunge.core.Why
import cn.xunge.core.XungeException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableSharedFlow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.merge
import kotlinx.coroutines.withContext

/**
 * What a page shows of the core.
 *
 * @param it what was read last; null when nothing could be read so far
 * @param why why the last reading or the last press gave nothing
 */
data class Read<out T : Any>(val it: T?, val why: Why? = null)

/** Reads the core again whenever something changes. A refusal of the core becomes a part of what is shown. */
internal class Reader(private val io: CoroutineDispatcher) {
    private val refused = MutableStateFlow<Why?>(null)
    private val asked = MutableSharedFlow<Unit>(replay = 1, onBufferOverflow = BufferOverflow.DROP_OLDEST).apply { tryEmit(Unit) }

    /** Calls [read] now, at each of [changes] and after [again]; changes while it runs count as one. */
    fun <T : Any> states(changes: Flow<*>, read: () -> T): Flow<Read<T>> {
        val read: Flow<Read<T>> = flow {
            var last: T? = null
            merge(changes.map {}, asked).conflate().collect {
                val next = try {
                    Read(read().also { last = it })
                } catch (failed: XungeException) {
                    Read(last, failed.why)
                }
                emit(next)
            }
        }
        return read.combine(refused) { state, why -> if (why == null) state else state.copy(why = why) }.flowOn(io)
    }

    /** Reads again. */
    fun again() {
        asked.tryEmit(Unit)
    }

    /** A call that a press asks for. Null: the core refused it, and the state says why. */
    suspend fun <R : Any> call(block: suspend () -> R): R? = withContext(io) {
        try {
            block().also { refused.value = null }
        } catch (failed: XungeException) {
            refused.value = failed.why
            null
        }
    }
}
