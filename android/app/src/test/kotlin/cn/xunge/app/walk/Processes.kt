package cn.xunge.app.walk

import android.app.ActivityThread
import android.app.Application
import android.content.Context
import android.os.Bundle
import android.os.Parcel
import cn.xunge.app.pages.Enrolling
import cn.xunge.app.pages.Turns
import cn.xunge.app.shell.MainActivity
import cn.xunge.app.shell.XungeApp
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import org.robolectric.RuntimeEnvironment
import org.robolectric.android.controller.ActivityController
import org.robolectric.util.ReflectionHelpers
import org.robolectric.util.ReflectionHelpers.ClassParameter

/** The end of the app's process and the start of another one, over the same files and the same keys. */
internal object Processes {
    /**
     * The activity goes behind another one, the system keeps its state and ends the process. What is kept is what came
     * through a parcel: the system holds bytes, no objects.
     */
    fun kill(screen: ActivityController<MainActivity>, app: XungeApp): Bundle {
        val state = Bundle()
        screen.pause().stop().saveInstanceState(state)
        // The system ends a process seconds after its page was left; what the page saves is saved by then.
        runBlocking { Turns.take(Dispatchers.IO) {} }
        // Nobody calls this in a process that is killed. It ends the coroutines, which would end with the process, and no more.
        screen.destroy()
        runBlocking { app.session.end() }
        return parcelled(state)
    }

    /** A new Application in the place of the old one, as the system makes it. Singletons of the process begin again. */
    fun start() {
        val base = RuntimeEnvironment.getApplication().baseContext
        val fresh = XungeApp()
        ReflectionHelpers.callInstanceMethod<Any?>(Application::class.java, fresh, "attach", ClassParameter.from(Context::class.java, base))
        ReflectionHelpers.setField(ReflectionHelpers.getField<Any>(fresh, "mLoadedApk"), "mApplication", fresh)
        ReflectionHelpers.setField(ActivityThread.currentActivityThread(), "mInitialApplication", fresh)
        @Suppress("DEPRECATION")
        RuntimeEnvironment.application = fresh
        Enrolling.end()
        fresh.onCreate()
    }

    private fun parcelled(state: Bundle): Bundle {
        val parcel = Parcel.obtain()
        try {
            parcel.writeBundle(state)
            val bytes = parcel.marshall()
            parcel.setDataPosition(0)
            parcel.unmarshall(bytes, 0, bytes.size)
            parcel.setDataPosition(0)
            return checkNotNull(parcel.readBundle(MainActivity::class.java.classLoader))
        } finally {
            parcel.recycle()
        }
    }
}
