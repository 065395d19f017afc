package cn.xunge.app.background

import cn.xunge.app.XungeRunner
import cn.xunge.app.platform.PushHint
import cn.xunge.app.shell.XungeApp
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RuntimeEnvironment

/** A vendor's push can ask for a sync, and for nothing else. */
@RunWith(XungeRunner::class)
class HintsTest {
    /** A vendor's SDK as far as the app sees it. */
    private class FakePush(private val starting: () -> Unit = {}, private val stopping: () -> Unit = {}) : PushHint {
        val started = CompletableDeferred<() -> Unit>()
        var isStopped = false

        override fun start(hint: () -> Unit) {
            starting()
            started.complete(hint)
        }

        override fun stop() {
            isStopped = true
            stopping()
        }
    }

    @Test
    fun `the build that is handed out has no push`() {
        val app = RuntimeEnvironment.getApplication() as XungeApp
        assertNull(app.pushHint(app))
    }

    @Test
    fun `a hint asks for a sync, and a flood of them for one more after a rest`() = runBlocking {
        withTimeout(20_000) {
            val push = FakePush()
            val syncs = Channel<Unit>(Channel.UNLIMITED)
            val rests = Channel<Unit>()
            val running = launch(Dispatchers.Default) { Hints(push, { syncs.send(Unit) }, { rests.receive() }).run() }
            val hint = push.started.await()
            assertTrue("nothing without a hint", syncs.tryReceive().isFailure)
            hint()
            syncs.receive()
            repeat(10_000) { hint() }
            assertTrue("one rests after a sync", syncs.tryReceive().isFailure)
            rests.send(Unit)
            syncs.receive()
            rests.send(Unit)
            assertTrue("the flood counts once", syncs.tryReceive().isFailure)
            running.cancelAndJoin()
            assertTrue(push.isStopped)
            hint()
            assertTrue("a hint after the end is heard by nobody", syncs.tryReceive().isFailure)
        }
    }

    @Test
    fun `what a vendor's code throws harms nobody`() = runBlocking {
        withTimeout(20_000) {
            var syncs = 0
            val hints = { push: PushHint -> Hints(push, { syncs++ }) }
            hints(FakePush(starting = { error("no key") })).run()
            hints(FakePush(starting = { throw NoClassDefFoundError("vendor") })).run()
            val bad = FakePush(stopping = { error("not bound") })
            val running = launch(Dispatchers.Default) { hints(bad).run() }
            bad.started.await()
            running.cancelAndJoin()
            assertTrue(bad.isStopped)
            assertEquals(0, syncs)
        }
    }
}
