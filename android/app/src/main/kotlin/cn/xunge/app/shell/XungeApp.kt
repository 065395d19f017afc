package cn.xunge.app.shell

import android.app.Application
import android.content.Context
import android.os.Build
import android.os.SystemClock
import cn.xunge.app.lock.Finger
import cn.xunge.app.lock.FingerPrompt
import cn.xunge.app.lock.Gate
import cn.xunge.app.lock.Lock
import cn.xunge.app.platform.AppClocks
import cn.xunge.app.platform.AppKeys
import cn.xunge.app.platform.AppSurroundings
import cn.xunge.app.platform.Camera
import cn.xunge.app.platform.PhoneCamera
import cn.xunge.app.platform.PushHint
import cn.xunge.app.platform.SystemPackages
import cn.xunge.app.platform.StoredFingerKey
import cn.xunge.app.background.Background
import cn.xunge.app.background.Hints
import cn.xunge.app.background.syncOnce
import cn.xunge.core.Device
import cn.xunge.core.Services
import cn.xunge.core.SpareFont
import cn.xunge.core.coreVersion
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch
import java.io.File

/** The process: one session for all that the app does. */
class XungeApp : Application() {
    val surroundings: AppSurroundings by lazy { AppSurroundings(this) }

    /** The camera of a page; tests put one that hands out photos. */
    var camera: (Context) -> Camera = ::PhoneCamera

    /** A vendor's push. None in the build that is handed out; this is the one place where another build puts its own. */
    var pushHint: (Context) -> PushHint? = { null }

    val choices: Choices by lazy { Choices(getSharedPreferences("choices", MODE_PRIVATE)) }

    val gate: Gate by lazy {
        val lock = Lock(File(filesDir, "lock"), SystemClock::elapsedRealtime)
        Gate(lock, Finger(lock, StoredFingerKey()) { FingerPrompt.ability(this) }, SystemClock::elapsedRealtime)
    }

    val session: Session by lazy {
        val services = Services(AppClocks(this), surroundings, AppKeys(File(filesDir, "keys")), SYSTEM_FONT)
        val device = Device(model = "${Build.MANUFACTURER} ${Build.MODEL}", os = "Android ${Build.VERSION.RELEASE}", app = coreVersion())
        val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
        Session(File(filesDir, "handset"), services, device, SystemPackages(this).own.build, scope, Dispatchers.IO).also { session ->
            surroundings.watch(session::nudge)
            scope.launch { Background(this@XungeApp, session).run() }
            pushHint(this)?.let { scope.launch { Hints(it, session::syncOnce).run() } }
        }
    }

    companion object {
        /** Noto Sans CJK, which Android carries, in the letter forms of the mainland. A phone without it prints a box. */
        private val SYSTEM_FONT = SpareFont("/system/fonts/NotoSansCJK-Regular.ttc", 2u)

        fun of(context: Context): XungeApp = context.applicationContext as XungeApp
    }
}
