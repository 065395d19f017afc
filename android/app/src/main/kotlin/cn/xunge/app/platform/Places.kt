package cn.xunge.app.platform

import android.Manifest
import android.annotation.SuppressLint
import android.content.Context
import android.content.pm.PackageManager
import android.location.Location
import android.location.LocationListener
import android.location.LocationManager
import android.os.Bundle
import android.os.Looper
import cn.xunge.core.PointE7
import cn.xunge.core.Position
import cn.xunge.ids.Moment
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.emptyFlow
import kotlin.math.roundToInt

/** Where the phone is. Asks the receiver only while somebody collects [fixes]: it is what empties a battery. */
class Places(private val context: Context) {
    private val manager = context.getSystemService(LocationManager::class.java)

    /** Whether the person allowed it. */
    fun allowed(): Boolean =
        context.checkSelfPermission(Manifest.permission.ACCESS_FINE_LOCATION) == PackageManager.PERMISSION_GRANTED

    /** Whether the phone's own switch for places is on. */
    fun switchedOn(): Boolean = manager?.let { all -> all.getProviders(true).any { it != LocationManager.PASSIVE_PROVIDER } } == true

    /** Fixes as they come, without an old one; none without permission. */
    @SuppressLint("MissingPermission")
    fun fixes(): Flow<Position> {
        val manager = manager
        if (manager == null || !allowed()) return emptyFlow()
        return callbackFlow {
            // Not a lambda: before API 30 all four methods are abstract.
            val listener = object : LocationListener {
                override fun onLocationChanged(location: Location) {
                    trySend(location.position())
                }

                override fun onProviderEnabled(provider: String) = Unit

                override fun onProviderDisabled(provider: String) = Unit

                @Deprecated("Abstract before API 30")
                override fun onStatusChanged(provider: String?, status: Int, extras: Bundle?) = Unit
            }
            for (provider in manager.getProviders(true).filter { it != LocationManager.PASSIVE_PROVIDER }) {
                manager.requestLocationUpdates(provider, EVERY_MS, 0f, listener, Looper.getMainLooper())
            }
            awaitClose { manager.removeUpdates(listener) }
        }
    }

    private companion object {
        const val EVERY_MS = 2_000L
    }
}

/** The fix for the core: WGS-84, as Android gives it. A fix without an accuracy counts as a kilometre wide. */
internal fun Location.position() = Position(
    point = PointE7((latitude * E7).roundToInt(), (longitude * E7).roundToInt()),
    accuracyCm = if (hasAccuracy()) (accuracy * 100).roundToInt().coerceAtLeast(1).toUInt() else UNKNOWN_CM,
    provider = provider.orEmpty(),
    mock = isMocked(),
    fixTime = Moment(time),
    // The clock of AppClocks: a cached fix is as old as it is, whatever the wall clock says.
    monotonicMs = elapsedRealtimeNanos / NANOS_PER_MS,
)

/** Its successor is newer than Android 8. */
@Suppress("DEPRECATION")
private fun Location.isMocked() = isFromMockProvider

private const val E7 = 1e7
private const val NANOS_PER_MS = 1_000_000L
private val UNKNOWN_CM = 100_000u
