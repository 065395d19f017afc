package cn.xunge.app.walk

import android.Manifest
import android.app.Application
import android.app.NotificationManager
import android.location.Location
import android.location.LocationManager
import android.view.View
import android.view.ViewGroup
import cn.xunge.app.FakeAndroidKeyStore
import cn.xunge.app.XungeRunner
import cn.xunge.app.background.DutyService
import cn.xunge.app.map.GridMap
import cn.xunge.app.pages.FakeCamera
import cn.xunge.app.pages.Shutter
import cn.xunge.app.shell.MainActivity
import cn.xunge.app.shell.XungeApp
import cn.xunge.conformance.Rig
import cn.xunge.core.NudgeReason
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config

/** The app as a patroller uses it: real views, real core, a real server behind a line that is cut. */
@RunWith(XungeRunner::class)
@Config(sdk = [35], qualifiers = "zh-rCN-w360dp-h720dp-port-xhdpi")
class WalkTest {
    private val app: XungeApp get() = RuntimeEnvironment.getApplication() as XungeApp
    private lateinit var screen: ActivityController<MainActivity>
    private val hand = Hand { screen.get() }

    @Before
    fun phone() {
        FakeAndroidKeyStore.install()
        app.camera = { FakeCamera() }
        shadowOf(app as Application).grantPermissions(
            Manifest.permission.ACCESS_FINE_LOCATION, Manifest.permission.CAMERA, "android.permission.POST_NOTIFICATIONS",
        )
        Rig.line("good")
        open()
    }

    @After
    fun end() {
        Rig.line("good")
        screen.pause().stop().destroy()
        runBlocking { app.session.end() }
    }

    private fun open() {
        screen = Robolectric.buildActivity(MainActivity::class.java).setup().visible()
    }

    /** The phone stands in a cell of the post. */
    private fun stand(cell: String) {
        val (lat, lon) = Rig.point(cell)
        val manager = app.getSystemService(LocationManager::class.java)
        shadowOf(manager).setProviderEnabled(LocationManager.GPS_PROVIDER, true)
        val fix = Location(LocationManager.GPS_PROVIDER).apply {
            latitude = lat / 1e7
            longitude = lon / 1e7
            accuracy = 8f
            time = System.currentTimeMillis()
            elapsedRealtimeNanos = 1
        }
        hand.until("waits for somebody to listen to places") {
            shadowOf(manager).simulateLocation(fix)
            hand.sees("±8 米")
        }
    }

    private fun shoot() {
        hand.until("waits for the camera") { shutter()?.waits == false }
        shutter()!!.performClick()
    }

    private fun shutter(view: View = org.robolectric.shadows.ShadowDialog.getLatestDialog()?.takeIf { it.isShowing }?.window?.decorView ?: screen.get().window.decorView): Shutter? = when (view) {
        is Shutter -> view
        is ViewGroup -> (0 until view.childCount).firstNotNullOfOrNull { shutter(view.getChildAt(it)) }
        else -> null
    }

    private fun map(view: View = screen.get().window.decorView): GridMap? = when (view) {
        is GridMap -> view
        is ViewGroup -> (0 until view.childCount).firstNotNullOfOrNull { map(view.getChildAt(it)) }
        else -> null
    }

    @Test
    fun `a patroller enrols, works in the cellar, and everything arrives`() {
        val post = "701"
        val invited = Rig.invite(post, area = Rig.DUTY_AREA)
        // Enrol.
        hand.press("手工输入")
        hand.type(invited.text)
        hand.press("下一步")
        hand.awaits(invited.server)
        hand.press("启用")
        hand.awaits("未到岗")
        // Check in.
        stand(Rig.DUTY_CELL)
        hand.press("签到")
        hand.awaits("在岗")
        val service = shadowOf(app as Application).nextStartedService
        assertEquals("a service while on duty", DutyService::class.java.name, service?.component?.className)
        // The map shows the cell from the pack that the sync fetched.
        hand.press("地图")
        hand.until("waits for the cell on the map") { map()?.scene?.grid?.cells.orEmpty().any { it.cell.code.text == Rig.DUTY_CELL } }
        stand(Rig.DUTY_CELL)
        hand.press("返回")
        // A report in the cellar.
        Rig.line("down")
        hand.press("上报")
        shoot()
        hand.type("bllj")
        hand.press("暴露垃圾")
        hand.press("提交")
        hand.awaits("已保存在本机")
        // The phone turns, and the process ends and comes back.
        screen.recreate()
        screen.visible()
        hand.awaits("已保存在本机")
        // The signal is back.
        Rig.line("good")
        app.session.nudge(NudgeReason.NETWORK)
        hand.awaits("受理号")
        // A task arrives, with a notice.
        val task = Rig.task(Rig.DUTY_CELL, "核实暴露垃圾")
        hand.press("回今日")
        hand.awaits("核实暴露垃圾")
        val notices = shadowOf(app.getSystemService(NotificationManager::class.java)).allNotifications
        assertTrue("the task is announced: $notices", notices.any { "核实暴露垃圾" in it.extras.getCharSequence("android.title").toString() })
        hand.press("核实暴露垃圾")
        hand.press("属实")
        hand.press("拍照")
        shoot()
        hand.awaits("照片 1")
        hand.press("提交")
        hand.until("waits until the server has the answer") { Rig.taskState(task)["state"].toString().contains("answered") }
    }
}
