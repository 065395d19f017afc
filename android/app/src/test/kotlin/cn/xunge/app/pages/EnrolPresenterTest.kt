package cn.xunge.app.pages

import cn.xunge.app.XungeRunner
import cn.xunge.core.CancelToken
import cn.xunge.core.Device
import cn.xunge.core.Handset
import cn.xunge.core.InvitationPreview
import cn.xunge.core.NoHandle
import cn.xunge.core.Phone
import cn.xunge.core.PhoneUser
import cn.xunge.core.SyncProgress
import cn.xunge.core.Words
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch

@RunWith(XungeRunner::class)
class EnrolPresenterTest {
    /** A phone whose server answers what [serve] does; remembers the calls. */
    private class FakePhone(var users: List<PhoneUser> = emptyList(), var serve: () -> Handset) : Phone(NoHandle) {
        val calls = CopyOnWriteArrayList<String>()

        override fun users() = users

        override fun enrol(invitation: String, device: Device, cancel: CancelToken): Handset = serve().also { calls += "enrol $invitation" }

        override fun enrolAnother(invitation: String, device: Device, cancel: CancelToken): Handset = serve().also { calls += "another $invitation" }
    }

    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private val opened = CopyOnWriteArrayList<Handset>()
    private val seen = InvitationPreview("https://xunge.chaoyang.example", true, "K7P0-D3VX-N5QA", null)

    private fun presenter(phone: Phone) = EnrolPresenter(phone, Device("m", "o", "a"), scope, Dispatchers.IO, { text ->
        if (text.startsWith("xunge1:")) seen else throw refusal("enrol.string")
    }) { opened += it }

    private suspend inline fun <reified T : EnrolState> EnrolPresenter.await(): T = withTimeout(20_000) { states.first { it is T } as T }

    private fun user(condition: String, name: String?) = PhoneUser(1u, condition, Words("", ""), name, true, null, false)

    @After
    fun end() = scope.cancel()

    @Test
    fun `an invitation is shown before it is used, then the handset is enrolled, fetched and opened`() = runBlocking {
        val handset = TaskHandset().apply { progress = listOf(SyncProgress.Connected) }
        val phone = FakePhone { handset }
        val presenter = presenter(phone)
        presenter.take(" xunge1:abc\n")
        assertEquals(EnrolState.Preview("xunge1:abc", seen), presenter.states.value)
        assertTrue(phone.calls.isEmpty())
        presenter.enrol()
        presenter.await<EnrolState.Done>()
        assertEquals(listOf("enrol xunge1:abc"), phone.calls)
        assertSame(handset, opened.single())
    }

    @Test
    fun `what is no invitation is refused where it was typed`() = runBlocking {
        val presenter = presenter(FakePhone { TaskHandset() })
        presenter.by(Way.TYPE)
        presenter.typed("hello")
        presenter.take("hello")
        val asking = presenter.states.value as EnrolState.Asking
        assertEquals("hello", asking.typed)
        assertEquals("enrol.string", (asking.problem as Problem.Refused).why.code)
    }

    @Test
    fun `a picture without a code says so`() = runBlocking {
        val presenter = presenter(FakePhone { TaskHandset() })
        presenter.picture { null }
        withTimeout(20_000) { presenter.states.first { (it as? EnrolState.Asking)?.problem == Problem.NoCode } }
        presenter.picture { "xunge1:abc" }
        presenter.await<EnrolState.Preview>()
        Unit
    }

    @Test
    fun `a call that was cut is made again with the same invitation`() = runBlocking {
        val phone = FakePhone { throw refusal("network.timeout") }
        val presenter = presenter(phone)
        presenter.take("xunge1:abc")
        presenter.enrol()
        val cut = withTimeout(20_000) { presenter.states.first { (it as? EnrolState.Preview)?.why != null } } as EnrolState.Preview
        assertEquals("network.timeout", cut.why?.code)
        // The core remembers the cut call as a user whose enrolment is pending.
        phone.users = listOf(user("enrolment_pending", null))
        phone.serve = { TaskHandset() }
        presenter.enrol()
        presenter.await<EnrolState.Done>()
        assertEquals(listOf("enrol xunge1:abc"), phone.calls)
    }

    @Test
    fun `one more user is enrolled beside the first`() = runBlocking {
        val phone = FakePhone(listOf(user("ready", "刘海波"))) { TaskHandset() }
        val presenter = presenter(phone)
        presenter.take("xunge1:abc")
        presenter.enrol()
        presenter.await<EnrolState.Done>()
        assertEquals(listOf("another xunge1:abc"), phone.calls)
    }

    @Test
    fun `a cancelled call comes back to what the invitation says`() = runBlocking {
        val begun = CountDownLatch(1)
        val end = CountDownLatch(1)
        val presenter = presenter(FakePhone { begun.countDown(); end.await(); throw refusal("call.cancelled") })
        presenter.take("xunge1:abc")
        presenter.enrol()
        begun.await()
        presenter.cancel()
        end.countDown()
        assertNull(presenter.await<EnrolState.Preview>().why)
        assertTrue(opened.isEmpty())
    }

    @Test
    fun `a first sync that fails still opens the handset`() = runBlocking {
        val presenter = presenter(FakePhone { TaskHandset().apply { syncs = { throw refusal("network.timeout") } } })
        presenter.take("xunge1:abc")
        presenter.enrol()
        presenter.await<EnrolState.Done>()
        assertEquals(1, opened.size)
    }
}
