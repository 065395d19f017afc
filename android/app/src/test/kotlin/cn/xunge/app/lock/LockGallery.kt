package cn.xunge.app.lock

import cn.xunge.app.Gallery
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
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
    fun waits() = show("lock-wait", LockState(Asking.UNLOCK, wrong = true, waitMs = 30_000))

    @Test
    fun fresh() = show("lock-new", LockState(Asking.NEW))
}
