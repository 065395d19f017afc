package cn.xunge.app.lock

import cn.xunge.app.XungeRunner
import cn.xunge.app.pages.Scene
import cn.xunge.core.Handset
import cn.xunge.core.NoHandle
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import java.io.File

/** What the administrator's code promises. */
@RunWith(XungeRunner::class)
class CodeTest {
    @get:Rule
    val folder = TemporaryFolder()

    private var now = 1_000_000L
    private var asked = 0
    private val file by lazy { File(folder.root, "lock") }
    private val lock get() = Lock(file) { now }

    private val handset = object : Handset(NoHandle) {
        override fun unlockChallenge(): String = "00482${asked++}"

        override fun today() = Scene.today

        override fun isUnlockCode(challenge: String, code: String) = challenge == "004820" && code == "92991304"
    }

    private fun type(presenter: CodePresenter, code: String) = runBlocking { code.forEach { presenter.press(it) } }

    @Test
    fun `the right code takes the lock away, and the digits to read out stay until then`() {
        lock.set("135790")
        var opened = 0
        fun page() = CodePresenter(lock, handset, Dispatchers.Unconfined) { opened += 1 }.also { runBlocking { it.begin() } }
        assertEquals("004820", page().states.value.challenge)
        // The process ended while the administrator was on the telephone.
        val presenter = page()
        assertEquals("004820", presenter.states.value.challenge)
        type(presenter, "11111111")
        assertTrue(presenter.states.value.wrong)
        assertTrue(lock.isSet)
        type(presenter, "92991304")
        assertEquals(1, opened)
        assertFalse(lock.isSet)
    }

    @Test
    fun `wrong codes count as wrong PINs do, and each lock has digits of its own`() {
        lock.set("135790")
        val presenter = CodePresenter(lock, handset, Dispatchers.Unconfined) {}
        runBlocking { presenter.begin() }
        repeat(5) { type(presenter, "11111111") }
        assertTrue(presenter.states.value.waitMs > 0)
        type(presenter, "92991304")
        assertTrue("even the right one waits", lock.isSet)
        assertTrue(lock.attempt("135790") is Try.Wait)
        now += 3_600_000
        assertEquals(Try.Right, lock.attempt("135790"))
        assertEquals("a lock that was opened has other digits", "004821", lock.challenge(handset::unlockChallenge))
    }
}
