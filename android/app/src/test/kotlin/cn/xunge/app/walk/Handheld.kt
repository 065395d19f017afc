package cn.xunge.app.walk

import android.Manifest
import android.app.Application
import android.location.Location
import android.location.LocationManager
import android.net.ConnectivityManager
import android.net.NetworkCapabilities
import android.os.Bundle
import android.view.View
import android.view.ViewGroup
import cn.xunge.app.FakeAndroidKeyStore
import cn.xunge.app.pages.FakeCamera
import cn.xunge.app.pages.Shutter
import cn.xunge.app.pages.short
import cn.xunge.app.platform.Camera
import cn.xunge.app.shell.MainActivity
import cn.xunge.app.shell.XungeApp
import cn.xunge.ids.CellNumber
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Before
import org.junit.Rule
import org.junit.rules.Stopwatch
import org.junit.runner.Description
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.shadows.ShadowNetworkCapabilities
import java.util.Locale

/** A phone with the app in a worker's hand: real views, real core, and whatever server the invitation names. */
abstract class Handheld {
    protected val app: XungeApp get() = RuntimeEnvironment.getApplication() as XungeApp
    protected lateinit var screen: ActivityController<MainActivity>
    protected val hand = Hand(::fix) { screen.get() }

    /** The camera of the phone. */
    protected var camera: Camera = FakeCamera()

    /** A cell of the grid, and a point in it in 10^-7 degrees. */
    protected data class Spot(val cell: String, val lat: Int, val lon: Int)

    /** Where the phone is; null: it has no fix. */
    private var stands: Spot? = null
    private var fixedAt = 0L

    @get:Rule
    val seconds = object : Stopwatch() {
        override fun finished(nanos: Long, walk: Description) =
            println("walk: %.1f s, %s".format(Locale.ROOT, nanos / 1e9, walk.methodName))
    }

    @Before
    fun phone() {
        FakeAndroidKeyStore.install()
        equip()
        open(null)
    }

    @After
    fun end() {
        screen.pause().stop().destroy()
        runBlocking { app.session.end() }
    }

    protected fun equip() {
        network()
        app.camera = { camera }
        shadowOf(app as Application).grantPermissions(
            Manifest.permission.ACCESS_FINE_LOCATION, Manifest.permission.CAMERA, "android.permission.POST_NOTIFICATIONS",
        )
    }

    /** Photos may be sent: Wi-Fi. */
    private fun network() {
        val manager = app.getSystemService(ConnectivityManager::class.java)!!
        val wifi = ShadowNetworkCapabilities.newInstance()
        shadowOf(wifi).addCapability(NetworkCapabilities.NET_CAPABILITY_NOT_METERED)
        shadowOf(manager).setNetworkCapabilities(manager.activeNetwork, wifi)
    }

    protected fun open(kept: Bundle?) {
        screen = Robolectric.buildActivity(MainActivity::class.java)
        if (kept == null) screen.setup() else screen.setup(kept)
        screen.visible()
    }

    /** The system ends the process while another app is in front, and starts it again when the worker comes back. */
    protected fun killed() {
        val kept = Processes.kill(screen, app)
        Processes.start()
        equip()
        open(kept)
    }

    /** Enrols with the text of an invitation, from the page that asks for one. */
    protected fun enrol(invitation: String, server: String) {
        hand.press("手工输入")
        hand.type(invitation)
        hand.press("下一步")
        hand.awaits(server.removePrefix("https://"))
        hand.press("启用")
        hand.awaits("未到岗")
    }

    /** The phone is here from now on. */
    protected fun stand(spot: Spot) {
        stands = spot
        hand.awaits("±8 米")
    }

    /** Gives a fix to all listeners, a few times in a second. */
    private fun fix() {
        val spot = stands ?: return
        if (System.nanoTime() - fixedAt < FIX_NS) return
        fixedAt = System.nanoTime()
        val manager = shadowOf(app.getSystemService(LocationManager::class.java))
        manager.setProviderEnabled(LocationManager.GPS_PROVIDER, true)
        val fix = Location(LocationManager.GPS_PROVIDER).apply {
            latitude = spot.lat / 1e7
            longitude = spot.lon / 1e7
            accuracy = 8f
            time = System.currentTimeMillis()
            elapsedRealtimeNanos = 1
        }
        manager.simulateLocation(fix)
    }

    /** Takes a photo with the app's own camera. */
    protected fun shoot() {
        hand.until("waits for the camera") { shutter(hand.root())?.waits == false }
        shutter(hand.root())!!.performClick()
    }

    private fun shutter(view: View): Shutter? = when (view) {
        is Shutter -> view
        is ViewGroup -> (0 until view.childCount).firstNotNullOfOrNull { shutter(view.getChildAt(it)) }
        else -> null
    }

    /** Chooses the type by the initials of its name, and says a few words. */
    protected fun describe(words: String) {
        hand.type("bllj", at = "搜索，如“井盖”或 jg")
        hand.press("暴露垃圾")
        hand.type(words, at = "补充说明，可不填")
        hand.awaits("${CellNumber(stands!!.cell).short()} 单元")
    }

    private companion object {
        const val FIX_NS = 300_000_000L
    }
}
