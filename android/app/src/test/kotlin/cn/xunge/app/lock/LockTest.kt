package cn.xunge.app.lock

import cn.xunge.app.platform.StoredFingerKey
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import java.io.File

class LockTest {
    @get:Rule
    val folder = TemporaryFolder()

    private var now = 1_000_000L
    private val file get() = File(folder.root, "lock")
    private fun lock() = Lock(file) { now }

    @Test
    fun `only the PIN that was set opens, also after the process was gone`() {
        lock().set("204613")
        assertTrue(lock().isSet)
        assertEquals(Try.Wrong, lock().attempt("204614"))
        assertEquals(Try.Right, lock().attempt("204613"))
    }

    @Test
    fun `the PIN is nowhere in the file`() {
        lock().set("204613")
        assertFalse(file.readText().contains("204613"))
        val first = file.readText()
        lock().set("204613")
        assertFalse("no salt", first.lines().filter { !it.startsWith("#") } == file.readText().lines().filter { !it.startsWith("#") })
    }

    @Test
    fun `after five wrong tries even the right one waits, longer each time`() {
        lock().set("204613")
        repeat(4) { assertEquals(Try.Wrong, lock().attempt("000000")) }
        assertEquals(Try.Wait(30_000), lock().attempt("000000"))
        now += 29_000
        assertEquals(Try.Wait(1_000), lock().attempt("204613"))
        now += 1_000
        assertEquals(Try.Wait(60_000), lock().attempt("000000"))
        now += 60_000
        assertEquals(Try.Right, lock().attempt("204613"))
        assertEquals("a success forgets the failures", Try.Wrong, lock().attempt("000000"))
    }

    @Test
    fun `a restart of the phone does not shorten the wait`() {
        lock().set("204613")
        repeat(5) { lock().attempt("000000") }
        now = 5_000
        assertEquals(Try.Wait(25_000), lock().attempt("204613"))
    }

    @Test
    fun `on a full disk wrong tries count all the same, and a PIN that is not kept is told`() {
        val lock = lock()
        assertTrue(lock.set("204613"))
        // A folder that is not empty, where the new file would be written.
        File(file.path + ".new").apply { mkdirs() }.resolve("x").writeText("")
        assertFalse(lock.set("135790"))
        assertEquals("the old one stays", Try.Right, lock.attempt("204613"))
        repeat(4) { assertEquals(Try.Wrong, lock.attempt("000000")) }
        assertEquals(Try.Wait(30_000), lock.attempt("000000"))
        now += 1_000
        assertEquals(Try.Wait(29_000), lock.attempt("204613"))
    }

    @Test
    fun `a new PIN for which there is no room is asked for again, and says why`() {
        File(file.path + ".new").apply { mkdirs() }.resolve("x").writeText("")
        var done = false
        val presenter = LockPresenter(lock(), sets = true, Dispatchers.Unconfined) { done = true }
        runBlocking { repeat(2) { "135790".forEach { presenter.press(it) } } }
        assertTrue(presenter.states.value.isFull)
        assertEquals(Asking.NEW, presenter.states.value.asking)
        assertFalse(done)
    }

    @Test
    fun `the longest wait is an hour`() {
        assertEquals(3_600_000L, Lock.waitAfter(500))
        assertEquals(0L, Lock.waitAfter(4))
    }

    @Test
    fun `the gate closes after a minute away and not before`() {
        lock().set("204613")
        val gate = Gate(lock(), Finger(lock(), StoredFingerKey()) { Ability.TOO_OLD }) { now }
        assertFalse(gate.isOpen)
        gate.open()
        gate.left()
        now += 60_000
        gate.came()
        assertTrue(gate.isOpen)
        gate.left()
        now += 60_001
        gate.came()
        assertFalse(gate.isOpen)
        lock().clear()
        assertTrue("without a lock everything is open", gate.isOpen)
    }

    @Test
    fun `a PIN is changed or taken away only after the old one`() = runBlocking {
        lock().set("204613")
        var done = 0
        val presenter = LockPresenter(lock(), sets = true, Dispatchers.Unconfined) { done++ }
        suspend fun type(pin: String) = pin.forEach { presenter.press(it) }
        assertEquals(Asking.UNLOCK, presenter.states.value.asking)
        assertFalse(presenter.replaces)
        type("111111")
        assertEquals(Asking.UNLOCK, presenter.states.value.asking)
        type("204613")
        assertEquals(Asking.NEW, presenter.states.value.asking)
        assertTrue(presenter.replaces)
        type("555000")
        type("555001")
        assertEquals("the two differ", LockState(Asking.NEW, wrong = true), presenter.states.value)
        type("555000")
        type("555000")
        assertEquals(1, done)
        assertEquals(Try.Right, lock().attempt("555000"))
        presenter.takeAway()
        assertFalse(lock().isSet)
    }
}
