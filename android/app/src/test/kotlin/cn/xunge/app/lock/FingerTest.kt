package cn.xunge.app.lock

import cn.xunge.app.FakeAndroidKeyStore
import cn.xunge.app.XungeRunner
import cn.xunge.app.platform.StoredFingerKey
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import java.io.File
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.spec.GCMParameterSpec

/** The keystore of these tests opens a cipher without a finger: who asked for one is what is tested. */
@RunWith(XungeRunner::class)
class FingerTest {
    @get:Rule
    val folder = TemporaryFolder()

    private var ability = Ability.READY
    private val lock by lazy { Lock(File(folder.root, "lock")) { 1_000 } }
    private val finger by lazy { Finger(lock, StoredFingerKey()) { ability } }
    private val asked = ArrayList<Cipher>()
    private var answer: (Cipher) -> FingerAnswer = FingerAnswer::Opened
    private val ask: AskFinger = { cipher, tell ->
        asked += cipher
        tell(answer(cipher))
    }

    @Before
    fun phone() {
        FakeAndroidKeyStore.install()
        lock.set("204613")
    }

    private fun type(presenter: LockPresenter, pin: String) = runBlocking { pin.forEach { presenter.press(it) } }

    private fun settings() = FingerPresenter(finger, ask) { LockPresenter(lock, sets = false, Dispatchers.Unconfined, done = it) }

    private fun switchOn() = settings().run {
        want(true)
        type(pin, "204613")
    }

    private class Locked(val presenter: LockPresenter, val opened: () -> Int)

    private fun locked(): Locked {
        var opened = 0
        return Locked(LockPresenter(lock, sets = false, Dispatchers.Unconfined, finger, ask) { opened++ }) { opened }
    }

    /** The phone destroys the key when a fingerprint is added. */
    private fun addFingerprint() = FakeAndroidKeyStore.keys.clear()

    @Test
    fun `off at first, and on only after the right PIN and a finger`() {
        assertFalse(finger.isOn)
        val settings = settings()
        settings.want(true)
        type(settings.pin, "111111")
        assertTrue("asked without the PIN", asked.isEmpty())
        answer = { FingerAnswer.Closed }
        type(settings.pin, "204613")
        assertEquals(1, asked.size)
        assertFalse("without a finger", finger.isOn)
        answer = FingerAnswer::Opened
        settings.want(true)
        type(settings.pin, "204613")
        assertTrue(finger.isOn)
        assertTrue("kept when the process was gone", Finger(lock, StoredFingerKey()) { ability }.isOn)
    }

    @Test
    fun `a finger opens the lock, and the PIN still does`() {
        switchOn()
        val first = locked()
        runBlocking { first.presenter.byFinger() }
        assertEquals(1, first.opened())
        val second = locked()
        type(second.presenter, "204613")
        assertEquals(1, second.opened())
    }

    @Test
    fun `a fingerprint that was added switches it off and asks for the PIN`() {
        switchOn()
        addFingerprint()
        val locked = locked()
        asked.clear()
        runBlocking { locked.presenter.byFinger() }
        assertTrue("no dialog for a key that is gone", asked.isEmpty())
        assertEquals(0, locked.opened())
        assertTrue(locked.presenter.states.value.fingersChanged)
        assertFalse(locked.presenter.states.value.byFinger)
        assertFalse(finger.isOn)
        type(locked.presenter, "204613")
        assertEquals(1, locked.opened())
    }

    @Test
    fun `a cipher of another key does not open`() {
        switchOn()
        val other = KeyGenerator.getInstance("AES").generateKey()
        answer = { FingerAnswer.Opened(Cipher.getInstance("AES/GCM/NoPadding").apply { init(Cipher.DECRYPT_MODE, other, GCMParameterSpec(128, ByteArray(12))) }) }
        val locked = locked()
        runBlocking { locked.presenter.byFinger() }
        assertEquals(0, locked.opened())
        assertFalse(finger.isOn)
    }

    @Test
    fun `too many tries say why and leave the PIN`() {
        switchOn()
        answer = { FingerAnswer.Failed("尝试次数过多") }
        val locked = locked()
        runBlocking { locked.presenter.byFinger() }
        assertEquals("尝试次数过多", locked.presenter.states.value.failed)
        assertTrue(locked.presenter.states.value.byFinger)
        type(locked.presenter, "204613")
        assertEquals(1, locked.opened())
    }

    @Test
    fun `it ends with the lock and survives a new PIN and a wrong one`() {
        switchOn()
        lock.attempt("000000")
        assertTrue(finger.isOn)
        lock.set("555000")
        assertTrue(finger.isOn)
        lock.clear()
        lock.set("204613")
        assertFalse(finger.isOn)
    }

    @Test
    fun `without a lock or with a phone that is too old there is no key`() {
        ability = Ability.TOO_OLD
        assertNull(finger.toSwitchOn())
        ability = Ability.READY
        lock.clear()
        assertNull(finger.toSwitchOn())
        assertTrue(FakeAndroidKeyStore.keys.isEmpty())
    }

    @Test
    fun `the key needs a finger each time and ends with a new fingerprint`() {
        assertNotNull(finger.toSwitchOn())
        val spec = FakeAndroidKeyStore.specs.getValue(StoredFingerKey.ALIAS)
        assertTrue(spec.isUserAuthenticationRequired)
        assertTrue(spec.isInvalidatedByBiometricEnrollment)
    }

    @Test
    fun `to switch it off needs no PIN and leaves no key`() = runBlocking {
        switchOn()
        val settings = settings()
        settings.switchOff()
        assertFalse(settings.states.first().isOn)
        assertTrue(FakeAndroidKeyStore.keys.isEmpty())
    }
}
