package cn.xunge.conformance

import cn.xunge.client.changes
import cn.xunge.client.sync
import cn.xunge.client.watch
import cn.xunge.core.CancelToken
import cn.xunge.core.ChangeListener
import cn.xunge.core.NudgeReason
import cn.xunge.core.ScreenChanges
import cn.xunge.core.SyncTrigger
import cn.xunge.core.WatchListener
import cn.xunge.core.Watched
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CopyOnWriteArraySet
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread

/** How the core behaves when nothing happens, and on which threads it speaks. */
@Timeout(120)
class QuietTest {
    @Test
    fun `c21 a watch without a network asks for nothing and does not wake up`() {
        val field = Field()
        val handset = field.enrol()
        handset.file("离线一小时", field.here, Field.PHOTOS.take(1))
        val (clocks, around) = field.phone.clocks to field.phone.surroundings
        around.network = FakeSurroundings.OFFLINE
        val heard = CopyOnWriteArrayList<Watched>()
        val cancel = CancelToken()
        val watching = thread(name = "quiet-watch") {
            field.core.watch(
                handset,
                cancel,
                object : WatchListener {
                    override fun onEvent(event: Watched) {
                        heard += event
                    }
                },
            )
        }
        eventually("it says why it is silent") { heard.any { it is Watched.Paused && it.why.code == "network.offline" } }
        eventually("the threads have their names") { NativeThreads.count("quiet-watch") == 1 && NativeThreads.count("xunge-net") >= 1 }
        // Calls of the app, and wake-ups of the watching thread and of the core's own.
        val activity = {
            clocks.readings.get() + around.questions.get() +
                NativeThreads.wakeUps("quiet-watch") + NativeThreads.wakeUps("xunge-net")
        }
        var before = activity()
        assertTrue(within(10.0) { val now = activity(); (now == before).also { before = now } }, "it comes to rest")
        val most = 5
        assertFalse(within(8.0) { activity() > before + most }, "more than $most calls and wake-ups: ${activity() - before}")

        // Nothing is lost by the silence: told of the network, it syncs at once.
        around.network = FakeSurroundings.FREE
        handset.nudge(NudgeReason.NETWORK)
        eventually("it syncs: $heard") { heard.any { it is Watched.Synced && it.report.isSuccess } }
        cancel.cancel()
        watching.join(10_000)
        assertFalse(watching.isAlive)
        assertEquals(1, Rig.reports("离线一小时").single().photosHeld)
    }

    @Test
    fun `c23 listeners are called off the thread of the screen and not after the end`() {
        val field = Field()
        val handset = field.enrol()
        val screen = Thread.currentThread()
        val threads = CopyOnWriteArraySet<Thread>()
        val told = AtomicInteger()
        val listener = object : ChangeListener {
            override fun onChange(changes: ScreenChanges) {
                threads += Thread.currentThread()
                told.incrementAndGet()
            }
        }
        val (one, two) = handset.observe(listener) to handset.observe(listener)
        // A native thread names itself after it has begun.
        eventually("the core's observers are there") { NativeThreads.count("xunge-observer") >= 2 }
        handset.checkIn(field.here, "")
        eventually("both subscriptions tell") { told.get() >= 2 }
        runBlocking {
            handset.sync(SyncTrigger.PERSON) { threads += Thread.currentThread() }
            val watching = launch(Dispatchers.Default) { field.core.watch(handset) { threads += Thread.currentThread() } }
            val flowing = launch(Dispatchers.Default) { handset.changes().collect { threads += Thread.currentThread() } }
            handset.file("监听", field.here)
            eventually("the watch syncs") { Rig.reports("监听").size == 1 }
            flowing.cancelAndJoin()
            watching.cancelAndJoin()
        }
        assertFalse(screen in threads, "$threads")

        // One subscription ends by itself, the other one with the handset.
        one.end()
        val afterOne = told.get()
        handset.checkOut(field.here, "")
        eventually("the other one still tells") { told.get() > afterOne }
        handset.end()
        val afterAll = told.get()
        val again = field.core.openCurrent()
        again.checkIn(field.here, "")
        assertFalse(within(0.5) { told.get() > afterAll }, "told after the end")
        two.end()
        eventually("no thread is left") { NativeThreads.count("xunge-observer") == 0 }
    }
}
