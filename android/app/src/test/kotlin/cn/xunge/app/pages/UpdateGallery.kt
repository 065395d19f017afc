package cn.xunge.app.pages

import android.content.Context
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.XungeRunner
import cn.xunge.app.platform.InstallProblem
import cn.xunge.app.platform.OwnApp
import cn.xunge.core.AppUpdate
import cn.xunge.ids.PhotoHash
import org.junit.Test
import org.junit.runner.RunWith

/** 应用更新. */
@RunWith(XungeRunner::class)
class UpdateGallery {
    private val own = OwnApp("1.3.2", 13u)
    private val update = AppUpdate("1.4.0", 14u, 14_300_000UL, 5_200_000UL, PhotoHash("0".repeat(64)), null, false)
    private val ready = update.copy(have = update.size, `package` = "/data/user/0/cn.xunge.app/files/app.apk")
    private val all = Scene.today.copy(itemsWaiting = 0u, photosWaiting = 0u)

    private fun page(state: UpdateState): (Context) -> View = { UpdatePage(MineHost(it)).build(Read(state)) }

    @Test
    fun `this is the newest one`() = Gallery.show("update", build = page(UpdateState(own, null, all)))

    @Test
    fun `a newer one is being fetched`() = Gallery.show("update-fetching", build = page(UpdateState(own, update, all)))

    @Test
    fun `what waits is said before the install`() = Gallery.show("update-ready", build = page(UpdateState(own, ready, Scene.today)))

    @Test
    fun `the server does not serve this one any longer`() = Gallery.show("update-required", build = page(UpdateState(own, ready.copy(isRequired = true), all)))

    @Test
    fun `the system does not allow it yet`() = Gallery.show("update-not-allowed", build = page(UpdateState(own, ready, all, InstallProblem.NOT_ALLOWED)))

    @Test
    fun `another signer`() = Gallery.show("update-not-ours", build = page(UpdateState(own, ready, all, InstallProblem.NOT_OURS)))
}
