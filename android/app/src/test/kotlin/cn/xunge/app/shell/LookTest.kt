package cn.xunge.app.shell

import android.app.Application
import android.app.NotificationManager
import android.content.res.Configuration
import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import cn.xunge.app.FakeAndroidKeyStore
import cn.xunge.app.R
import cn.xunge.app.XungeRunner
import cn.xunge.app.background.Notices
import cn.xunge.app.pages.eventually
import cn.xunge.app.service
import cn.xunge.core.Lang
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf

@RunWith(XungeRunner::class)
class LookTest {
    private val app: XungeApp get() = RuntimeEnvironment.getApplication() as XungeApp

    private fun night(context: android.content.Context) = context.resources.configuration.uiMode and Configuration.UI_MODE_NIGHT_MASK

    @Test
    fun `without a choice the phone decides`() = assertSame(app, app.chosen())

    @Test
    fun `words, the core's language and colours follow the choice, and the size of the text stays the phone's`() {
        RuntimeEnvironment.setFontScale(1.3f)
        val light = app.getColor(R.color.surface)
        app.choices.tongue = Tongue.ENGLISH
        app.choices.shade = Shade.DARK
        val chosen = app.chosen()
        assertEquals("Me", chosen.getString(R.string.nav_me))
        assertEquals(Lang.EN, chosen.lang())
        assertEquals(Configuration.UI_MODE_NIGHT_YES, night(chosen))
        assertTrue(light != chosen.getColor(R.color.surface))
        assertEquals(1.3f, chosen.resources.configuration.fontScale)
        app.choices.shade = Shade.LIGHT
        assertEquals(light, app.chosen().getColor(R.color.surface))
        app.choices.tongue = Tongue.CHINESE
        assertEquals(Lang.ZH, app.chosen().lang())
    }

    @Test
    fun `notices speak the chosen language`() {
        app.choices.tongue = Tongue.ENGLISH
        Notices(app).returned(2)
        val notice = shadowOf(app.service<NotificationManager>()).allNotifications.single()
        assertEquals(app.chosen().getString(R.string.today_returned, 2), notice.extras.getCharSequence("android.title").toString())
    }

    @Test
    fun `the screen changes at the press and is the same after a restart`() {
        FakeAndroidKeyStore.install()
        val screen = Robolectric.buildActivity(MainActivity::class.java).setup().visible()
        fun sees(words: String): Boolean {
            fun below(view: View): Boolean = (view as? TextView)?.text?.contains(words) == true || view is ViewGroup && (0 until view.childCount).any { below(view.getChildAt(it)) }
            return below(screen.get().window.decorView)
        }
        eventually("the first start") { sees("首次启用") }
        app.choices.tongue = Tongue.ENGLISH
        screen.recreate().visible()
        eventually("the same page in English") { sees("First start") }
        val again = Choices((app as Application).getSharedPreferences("choices", 0))
        assertEquals(Tongue.ENGLISH, again.tongue)
        screen.pause().stop().destroy()
        runBlocking { app.session.end() }
    }
}
