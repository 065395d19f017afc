package cn.xunge.app.shell

import android.content.SharedPreferences

/** The app's language; [SYSTEM] is the phone's. */
enum class Tongue(val tag: String?) { SYSTEM(null), CHINESE("zh-CN"), ENGLISH("en") }

/** The app's theme; [SYSTEM] is the phone's. */
enum class Shade { SYSTEM, LIGHT, DARK }

/** What was chosen for this phone and all its users. Nothing personal; the core keeps what belongs to a user. */
class Choices(private val kept: SharedPreferences) {
    var tongue: Tongue
        get() = Tongue.entries.firstOrNull { it.name == kept.getString(TONGUE, null) } ?: Tongue.SYSTEM
        set(value) = kept.edit().putString(TONGUE, value.name).apply()

    var shade: Shade
        get() = Shade.entries.firstOrNull { it.name == kept.getString(SHADE, null) } ?: Shade.SYSTEM
        set(value) = kept.edit().putString(SHADE, value.name).apply()

    /** The page about saving power was offered, and is not offered again. */
    var isBatterySettled: Boolean
        get() = kept.getBoolean(BATTERY, false)
        set(value) = kept.edit().putBoolean(BATTERY, value).apply()

    private companion object {
        const val TONGUE = "tongue"
        const val SHADE = "shade"
        const val BATTERY = "battery_settled"
    }
}
