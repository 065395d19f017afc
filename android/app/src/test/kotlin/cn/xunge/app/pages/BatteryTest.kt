package cn.xunge.app.pages

import android.app.Activity
import android.content.ComponentName
import android.content.Intent
import android.os.PowerManager
import android.provider.Settings
import cn.xunge.app.Stage
import cn.xunge.app.XungeRunner
import cn.xunge.app.platform.BatteryScreens
import cn.xunge.app.platform.MAKERS
import cn.xunge.app.platform.makersFor
import cn.xunge.app.service
import cn.xunge.app.shell.Choices
import kotlinx.coroutines.flow.emptyFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.Shadows.shadowOf

@RunWith(XungeRunner::class)
class BatteryTest {
    private val activity: Activity = Robolectric.buildActivity(Stage::class.java).setup().get()
    private val screens = BatteryScreens(activity)

    private fun first(manufacturer: String, brand: String = manufacturer) = makersFor(manufacturer, brand).first().name.zh

    @Test
    fun `the phone's own maker comes first, by brand before manufacturer, and none is lost`() {
        assertEquals("小米、Redmi", first("Xiaomi", "Redmi"))
        assertEquals("荣耀", first("HUAWEI", "HONOR"))
        assertEquals("华为", first("HUAWEI"))
        assertEquals("OPPO、realme、一加", first("OnePlus"))
        assertEquals("vivo、iQOO", first("vivo", "iQOO"))
        assertEquals("其他手机", first("Doogee"))
        for (maker in listOf("samsung", "ZTE", "Doogee")) assertEquals(MAKERS.toSet(), makersFor(maker, maker).toSet())
    }

    @Test
    fun `each maker has steps in both languages and names of its own`() {
        for (maker in MAKERS) {
            assertTrue(maker.name.zh, maker.steps.isNotEmpty())
            for (step in maker.steps) for (words in listOf(step.path, step.set)) assertTrue(maker.name.zh, words.zh.isNotBlank() && words.en.isNotBlank())
            assertTrue("names are compared in small letters", maker.names.all { it == it.lowercase() })
        }
        val names = MAKERS.flatMap { it.names }
        assertEquals(names.toSet().size, names.size)
    }

    @Test
    fun `the first screen that the phone has is opened, and the app's page without any`() {
        shadowOf(activity.application).checkActivities(true)
        val oppo = makersFor("OPPO", "OPPO").first()
        val second = oppo.screens[1].run { ComponentName(app, activity) }
        shadowOf(activity.packageManager).addActivityIfNotPresent(second)
        assertTrue(screens.openMakers(oppo))
        assertEquals(second, shadowOf(activity).nextStartedActivity.component)
        val zte = makersFor("ZTE", "ZTE").first()
        assertFalse("neither a screen nor a page about the app", screens.openMakers(zte))
    }

    @Test
    fun `Android's own question is asked for this app`() {
        assertTrue(screens.openAndroids())
        val asked: Intent = shadowOf(activity).nextStartedActivity
        assertEquals(Settings.ACTION_REQUEST_IGNORE_BATTERY_OPTIMIZATIONS, asked.action)
        assertEquals("package:${activity.packageName}", asked.dataString)
    }

    @Test
    fun `the page sees at once what was switched in the settings`() = runBlocking {
        val presenter = BatteryPresenter("Xiaomi", "Redmi") { screens.isFree }
        assertFalse(presenter.states.first().isFree)
        shadowOf(activity.service<PowerManager>()).setIgnoringBatteryOptimizations(activity.packageName, true)
        presenter.look()
        assertTrue(presenter.states.first().isFree)
    }

    @Test
    fun `it is offered on duty only, and not again once it was settled`() = runBlocking {
        val choices = Choices(activity.getSharedPreferences("test", 0))
        val handset = QueueOf(emptyList())
        suspend fun offered(isOnDuty: Boolean): Boolean {
            val duty = object : cn.xunge.core.Handset(cn.xunge.core.NoHandle) {
                override fun today() = handset.today().copy(isOnDuty = isOnDuty)
                override fun tasks() = emptyList<cn.xunge.core.FieldTask>()
                override fun lastFix() = null
            }
            return TodayPresenter(duty, emptyFlow(), emptyFlow(), { true }, kotlinx.coroutines.Dispatchers.Default) { !choices.isBatterySettled }.states.first().offersBattery
        }
        assertTrue(offered(isOnDuty = true))
        assertFalse(offered(isOnDuty = false))
        choices.isBatterySettled = true
        assertFalse(offered(isOnDuty = true))
        assertTrue("kept", Choices(activity.getSharedPreferences("test", 0)).isBatterySettled)
    }
}
