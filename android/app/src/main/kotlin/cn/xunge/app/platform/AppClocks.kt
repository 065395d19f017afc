package cn.xunge.app.platform

import android.content.Context
import android.os.SystemClock
import android.provider.Settings
import cn.xunge.core.ClockRaw
import cn.xunge.core.Clocks
import cn.xunge.ids.Moment

/** The clocks of the phone: the wall clock, the number of this boot, and the time since boot with sleep. */
class AppClocks(private val context: Context) : Clocks {
    override fun read() = ClockRaw(
        wall = Moment(System.currentTimeMillis()),
        // An app may not read the kernel's boot id; the count of boots serves as well, and -1 stands for a phone without one.
        boot = Settings.Global.getInt(context.contentResolver, Settings.Global.BOOT_COUNT, -1).toString(),
        monotonicMs = SystemClock.elapsedRealtime(),
    )
}
