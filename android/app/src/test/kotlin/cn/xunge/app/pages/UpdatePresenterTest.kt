package cn.xunge.app.pages

import android.content.Intent
import cn.xunge.app.XungeRunner
import cn.xunge.app.platform.InstallProblem
import cn.xunge.app.platform.OwnApp
import cn.xunge.app.platform.Packages
import cn.xunge.core.AppUpdate
import cn.xunge.core.Handset
import cn.xunge.core.NoHandle
import cn.xunge.core.Today
import cn.xunge.ids.PhotoHash
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.emptyFlow
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith

/** What the page of updates promises. */
@RunWith(XungeRunner::class)
class UpdatePresenterTest {
    private val update = AppUpdate("1.4.0", 14u, 9UL, 9UL, PhotoHash("0".repeat(64)), "/x.apk", false)

    private inner class Core : Handset(NoHandle) {
        var told = 0u

        override fun appUpdate(ownBuild: UInt): AppUpdate {
            told = ownBuild
            return update
        }

        override fun today(): Today = Scene.today
    }

    private class Phone(val answer: InstallProblem?) : Packages {
        override val own = OwnApp("1.3.2", 13u)
        override val problem = MutableStateFlow<InstallProblem?>(null)
        var installed = 0

        override fun check(update: AppUpdate) = answer

        override fun install(update: AppUpdate) {
            installed += 1
        }

        override fun settings() = Intent()
    }

    @Test
    fun `the core is told which build runs here and a good package goes to the system`() {
        val core = Core()
        val phone = Phone(null)
        val presenter = UpdatePresenter(core, emptyFlow(), phone, Dispatchers.IO)
        presenter.states.await { it.it?.isReady == true }
        assertEquals(13u, core.told)
        runBlocking { presenter.install(update) }
        assertEquals(1, phone.installed)
        phone.problem.value = InstallProblem.DECLINED
        assertEquals(InstallProblem.DECLINED, presenter.states.await { it.it?.problem != null }.it?.problem)
    }

    @Test
    fun `a package of another signer is never given to the system`() {
        val phone = Phone(InstallProblem.NOT_OURS)
        val presenter = UpdatePresenter(Core(), emptyFlow(), phone, Dispatchers.IO)
        runBlocking { presenter.install(update) }
        assertEquals(0, phone.installed)
        assertEquals(InstallProblem.NOT_OURS, presenter.states.await { it.it?.problem != null }.it?.problem)
    }
}
