package cn.xunge.client

import cn.xunge.core.HandsetChange
import cn.xunge.core.Lang
import cn.xunge.core.ProblemClass
import cn.xunge.core.ScreenChanges
import cn.xunge.core.Why
import cn.xunge.core.Words
import cn.xunge.core.XungeException
import cn.xunge.ids.TaskKey
import java.util.concurrent.atomic.AtomicBoolean
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.async
import kotlinx.coroutines.isActive
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.assertThrows

@Timeout(60)
class ClientTest {
    private fun failed(code: String) = XungeException.Failed(
        Why(code, ProblemClass.SETTLED, Words("已取消，张三", "cancelled, Zhang San")),
        mapOf("path" to "/data/张三"),
    )

    @Test
    fun `a call returns its value and its error`() = runBlocking {
        assertEquals(7, cancellable { 7 })
        val thrown = assertThrows<XungeException> { runBlocking { cancellable { throw failed("call.cancelled") } } }
        assertEquals("call.cancelled", thrown.code)
    }

    @Test
    fun `a cancel before the call is not lost`() {
        val ran = AtomicBoolean()
        runBlocking {
            val calling = async(Dispatchers.Default, CoroutineStart.UNDISPATCHED) {
                coroutineContext[Job]!!.cancel()
                cancellable { ran.set(true) }
            }
            assertThrows<CancellationException> { calling.await() }
        }
        assertFalse(ran.get())
    }

    @Test
    fun `a cancel waits for the call and hides its error`() {
        val begun = CompletableDeferred<Unit>()
        val returned = AtomicBoolean()
        runBlocking {
            val calling = async(Dispatchers.Default) {
                cancellable {
                    begun.complete(Unit)
                    // Stands for the core, which notices the cancel a little later, and for a handset that ended meanwhile.
                    while (isActive) Thread.onSpinWait()
                    returned.set(true)
                    throw failed("terminal.closed")
                }
            }
            begun.await()
            calling.cancel()
            assertThrows<CancellationException> { calling.await() }
            assertTrue(returned.get())
        }
    }

    @Test
    fun `changes that nobody read are told together`() {
        val (a, b, c) = listOf("a", "b", "c").map(::TaskKey)
        val first = ScreenChanges(listOf(HandsetChange.TASKS), listOf(a, b), emptyList())
        val second = ScreenChanges(listOf(HandsetChange.QUEUE, HandsetChange.TASKS), listOf(c), listOf(b))
        val both = first + second
        assertEquals(listOf(HandsetChange.TASKS, HandsetChange.QUEUE), both.what)
        assertEquals(listOf(a, c) to listOf(b), both.tasksArrived to both.tasksGone)
    }

    @Test
    fun `an error has code and words, and a log sees only the code`() {
        val error = failed("store.full")
        assertEquals("store.full", error.code)
        assertEquals("已取消，张三" to "cancelled, Zhang San", error.words(Lang.ZH) to error.words(Lang.EN))
        assertEquals("store.full", error.loggable())
        assertEquals("java.lang.IllegalStateException", IllegalStateException("张三").loggable())
    }
}
