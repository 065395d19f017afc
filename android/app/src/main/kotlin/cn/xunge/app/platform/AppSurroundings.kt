package cn.xunge.app.platform

import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import android.os.BatteryManager
import cn.xunge.core.Connectivity
import cn.xunge.core.NudgeReason
import cn.xunge.core.Power
import cn.xunge.core.Surroundings

/** Network and battery as Android tells them, and whether a person looks at the app. */
class AppSurroundings(private val context: Context) : Surroundings {
    @Volatile
    private var attended = false
    private val network = context.getSystemService(ConnectivityManager::class.java)

    /** A page is on the screen, or none is any more. */
    fun attend(yes: Boolean) {
        attended = yes
    }

    override fun connectivity(): Connectivity {
        val manager = network ?: return Connectivity(online = true, metered = true, roaming = false)
        val active = manager.activeNetwork ?: return Connectivity(online = false, metered = false, roaming = false)
        val can = manager.getNetworkCapabilities(active) ?: return Connectivity(online = false, metered = false, roaming = false)
        return Connectivity(
            online = true,
            metered = !can.hasCapability(NetworkCapabilities.NET_CAPABILITY_NOT_METERED),
            roaming = isRoaming(manager),
        )
    }

    /** The capability for it is newer than Android 8. */
    @Suppress("DEPRECATION")
    private fun isRoaming(manager: ConnectivityManager) = manager.activeNetworkInfo?.isRoaming == true

    override fun power(): Power {
        val state = context.registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED)) ?: return Power(low = false, charging = false)
        val level = state.getIntExtra(BatteryManager.EXTRA_LEVEL, -1)
        val scale = state.getIntExtra(BatteryManager.EXTRA_SCALE, -1)
        val charging = state.getIntExtra(BatteryManager.EXTRA_PLUGGED, 0) != 0
        return Power(low = level >= 0 && scale > 0 && level * 100 / scale <= LOW_PERCENT, charging = charging)
    }

    override fun isAttended() = attended

    /** Tells when the network changes, so that what waits is sent at once. */
    fun watch(tell: (NudgeReason) -> Unit) {
        network?.registerDefaultNetworkCallback(
            object : ConnectivityManager.NetworkCallback() {
                override fun onAvailable(network: Network) = tell(NudgeReason.NETWORK)

                override fun onLost(network: Network) = tell(NudgeReason.NETWORK)

                override fun onCapabilitiesChanged(network: Network, capabilities: NetworkCapabilities) = tell(NudgeReason.NETWORK)
            },
        )
    }

    private companion object {
        /** As Android's own battery saver begins. */
        const val LOW_PERCENT = 15
    }
}
