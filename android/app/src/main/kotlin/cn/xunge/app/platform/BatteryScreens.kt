package cn.xunge.app.platform

import android.annotation.SuppressLint
import android.content.ActivityNotFoundException
import android.content.Context
import android.content.Intent
import android.net.Uri
import android.os.PowerManager
import android.provider.Settings
import cn.xunge.app.service

/** Whether the system stops the app to save power, and the screens where that is set. */
class BatteryScreens(private val context: Context) {
    /** Android's own battery optimisation leaves the app alone. */
    val isFree: Boolean get() = context.service<PowerManager>().isIgnoringBatteryOptimizations(context.packageName)

    /** Android's own question, else its list, else its page about this app. False: the system has none of them. */
    @SuppressLint("BatteryLife") // A patroller on duty waits for tasks with a limit of minutes.
    fun openAndroids(): Boolean = open(
        listOf(
            Intent(Settings.ACTION_REQUEST_IGNORE_BATTERY_OPTIMIZATIONS, Uri.fromParts("package", context.packageName, null)),
            Intent(Settings.ACTION_IGNORE_BATTERY_OPTIMIZATION_SETTINGS),
            details(),
        ),
    )

    /** The maker's screen, of which only one version exists on a phone; else Android's page about this app. */
    fun openMakers(maker: Maker): Boolean = open(maker.screens.map { Intent().setClassName(it.app, it.activity) } + details())

    private fun details() = Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, Uri.fromParts("package", context.packageName, null))

    /** Opens the first that exists. Asked for by starting it: since Android 11 an app does not see which packages there are. */
    private fun open(intents: List<Intent>): Boolean = intents.any { intent ->
        try {
            context.startActivity(intent)
            true
        } catch (absent: ActivityNotFoundException) {
            false
        } catch (closed: SecurityException) {
            // Some makers keep their screens for themselves.
            false
        }
    }
}
