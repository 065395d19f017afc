package cn.xunge.app.lock

import cn.xunge.app.Gallery
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import cn.xunge.app.pages.Scene
import cn.xunge.app.platform.StoredFingerKey
import cn.xunge.core.Handset
import cn.xunge.core.NoHandle
import kotlinx.coroutines.Dispatchers
import org.junit.Test
import org.junit.runner.RunWith
import java.io.File

@RunWith(XungeRunner::class)
class LockGallery {
    private fun show(name: String, state: LockState) = Gallery.show(name) { context ->
        val presenter = LockPresenter(Lock(File("none")) { 0 }, sets = state.asking != Asking.UNLOCK, Dispatchers.Unconfined) {}
        LockPage(StillHost(context), presenter) {}.build(state)
    }

    @Test
    fun unlock() = show("lock", LockState(Asking.UNLOCK, typed = 3))

    @Test
    fun `a finger opens too`() = show("lock-finger", LockState(Asking.UNLOCK, byFinger = true))

    @Test
    fun `the phone's fingerprints changed`() = show("lock-fingers-changed", LockState(Asking.UNLOCK, fingersChanged = true))

    private fun finger(name: String, ability: Ability, isOn: Boolean = false, failed: String? = null) = Gallery.show(name) { context ->
        val lock = Lock(File("none")) { 0 }
        val presenter = FingerPresenter(Finger(lock, StoredFingerKey()) { ability }, { _, _ -> }) { LockPresenter(lock, false, Dispatchers.Unconfined, done = it) }
        FingerPage(StillHost(context), presenter).build(FingerState(ability, isOn, failed = failed))
    }

    @Test
    fun `fingerprint off`() = finger("finger", Ability.READY)

    @Test
    fun `fingerprint on`() = finger("finger-on", Ability.READY, isOn = true)

    @Test
    fun `a phone that is too old for it`() = finger("finger-too-old", Ability.TOO_OLD)

    @Test
    fun `a phone without a fingerprint, after a failure`() = finger("finger-none", Ability.NONE_ENROLLED, failed = "")

    @Test
    fun waits() = show("lock-wait", LockState(Asking.UNLOCK, wrong = true, waitMs = 30_000))

    private fun code(name: String, state: CodeState) = Gallery.show(name) { context ->
        val presenter = CodePresenter(Lock(File("none")) { 0 }, Handset(NoHandle), Dispatchers.Unconfined) {}
        CodePage(StillHost(context), presenter) {}.build(state)
    }

    @Test
    fun `the administrator is asked`() = code("lock-code", CodeState("004821", "9299", contact = Scene.today.contact))

    @Test
    fun `a wrong code`() = code("lock-code-wrong", CodeState("004821", wrong = true, contact = Scene.today.contact))

    @Test
    fun fresh() = show("lock-new", LockState(Asking.NEW))
}
