package cn.xunge.app.shell

import android.content.SharedPreferences

/** What the person chose for this phone, whoever uses it. Nothing personal; the core keeps what belongs to a user. */
class Choices(private val kept: SharedPreferences) {
    /** The page about saving power was offered, and is not offered again. */
    var isBatterySettled: Boolean
        get() = kept.getBoolean(BATTERY, false)
        set(value) = kept.edit().putBoolean(BATTERY, value).apply()

    private companion object {
        const val BATTERY = "battery_settled"
    }
}
