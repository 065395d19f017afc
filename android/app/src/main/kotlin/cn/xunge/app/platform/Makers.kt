package cn.xunge.app.platform

import cn.xunge.core.Words

/** One switch: where it is in the settings, and how it has to stand. */
data class BatteryStep(val path: Words, val set: Words)

/** A screen of the maker's own: package and class. */
data class MakersScreen(val app: String, val activity: String)

/**
 * What a maker's battery manager needs besides Android's own setting.
 *
 * @param names of `Build.MANUFACTURER` and `Build.BRAND`, in small letters
 * @param screens tried in this order; versions of the system have different ones
 */
data class Maker(val name: Words, val names: Set<String>, val steps: List<BatteryStep>, val screens: List<MakersScreen>)

private fun step(zh: String, en: String, setZh: String, setEn: String) = BatteryStep(Words(zh, en), Words(setZh, setEn))

private val HUAWEIS = listOf(
    MakersScreen("com.huawei.systemmanager", "com.huawei.systemmanager.startupmgr.ui.StartupNormalAppListActivity"),
    MakersScreen("com.huawei.systemmanager", "com.huawei.systemmanager.appcontrol.activity.StartupAppControlActivity"),
    MakersScreen("com.huawei.systemmanager", "com.huawei.systemmanager.optimize.process.ProtectActivity"),
)

private fun launch(apps: String) = step(
    "设置 › $apps › 应用启动管理 › 巡格", "Settings › Apps › App launch › Xunge",
    "关掉“自动管理”，再打开自启动、关联启动、后台活动", "Switch off “Manage automatically”, then switch on all three below it",
)

private val OTHERS = Maker(
    Words("其他手机", "Other phones"), emptySet(),
    listOf(step("设置 › 应用 › 巡格 › 电池", "Settings › Apps › Xunge › Battery", "选“不受限制”；有“自启动”的也打开", "Choose “Unrestricted”; switch on autostart where there is one")),
    emptyList(),
)

/**
 * The makers whose phones are issued; other phones stand last. Paths as publicly described for the systems of 2021 to 2025
 * (makers' help pages, dontkillmyapp.com); menus are named a little differently from version to version, and what holds on
 * the issued phones is line 7 of the test plan.
 */
internal val MAKERS: List<Maker> = listOf(
    Maker(Words("华为", "Huawei"), setOf("huawei"), listOf(launch("应用和服务")), HUAWEIS),
    Maker(
        Words("荣耀", "Honor"), setOf("honor"), listOf(launch("应用")),
        listOf(MakersScreen("com.hihonor.systemmanager", "com.hihonor.systemmanager.startupmgr.ui.StartupNormalAppListActivity")) + HUAWEIS,
    ),
    Maker(
        Words("小米、Redmi", "Xiaomi, Redmi"), setOf("xiaomi", "redmi", "poco", "blackshark"),
        listOf(
            step("设置 › 应用设置 › 授权管理 › 自启动管理", "Settings › Apps › Permissions › Autostart", "打开“巡格”", "Switch on Xunge"),
            step("设置 › 应用设置 › 应用管理 › 巡格 › 省电策略", "Settings › Apps › Manage apps › Xunge › Battery saver", "选“无限制”", "Choose “No restrictions”"),
        ),
        listOf(MakersScreen("com.miui.securitycenter", "com.miui.permcenter.autostart.AutoStartManagementActivity")),
    ),
    Maker(
        Words("OPPO、realme、一加", "OPPO, realme, OnePlus"), setOf("oppo", "realme", "oneplus"),
        listOf(
            step("设置 › 应用 › 自启动", "Settings › Apps › Auto launch", "打开“巡格”", "Switch on Xunge"),
            step("设置 › 应用 › 应用管理 › 巡格 › 耗电管理", "Settings › Apps › App management › Xunge › Battery usage", "打开“允许完全后台行为”", "Allow background activity"),
        ),
        listOf(
            MakersScreen("com.coloros.safecenter", "com.coloros.safecenter.permission.startup.StartupAppListActivity"),
            MakersScreen("com.coloros.safecenter", "com.coloros.safecenter.startupapp.StartupAppListActivity"),
            MakersScreen("com.oppo.safe", "com.oppo.safe.permission.startup.StartupAppListActivity"),
            MakersScreen("com.oneplus.security", "com.oneplus.security.chainlaunch.view.ChainLaunchAppListActivity"),
        ),
    ),
    Maker(
        Words("vivo、iQOO", "vivo, iQOO"), setOf("vivo", "iqoo"),
        listOf(
            step("设置 › 应用与权限 › 权限管理 › 自启动", "Settings › Apps & permissions › Permission manager › Autostart", "打开“巡格”", "Switch on Xunge"),
            step("设置 › 电池 › 后台耗电管理 › 巡格", "Settings › Battery › Background power consumption › Xunge", "选“允许后台高耗电”", "Do not restrict background power usage"),
        ),
        listOf(
            MakersScreen("com.vivo.permissionmanager", "com.vivo.permissionmanager.activity.BgStartUpManagerActivity"),
            MakersScreen("com.iqoo.secure", "com.iqoo.secure.ui.phoneoptimize.BgStartUpManager"),
            MakersScreen("com.iqoo.secure", "com.iqoo.secure.ui.phoneoptimize.AddWhiteListActivity"),
        ),
    ),
    Maker(
        Words("三星", "Samsung"), setOf("samsung"),
        listOf(
            step("设置 › 电池 › 后台使用限制 › 从不休眠的应用程序", "Settings › Battery › Background usage limits › Never sleeping apps", "加上“巡格”", "Add Xunge"),
            step("设置 › 应用程序 › 巡格 › 电池", "Settings › Apps › Xunge › Battery", "选“不受限制”", "Choose “Unrestricted”"),
        ),
        listOf(
            MakersScreen("com.samsung.android.lool", "com.samsung.android.sm.battery.ui.BatteryActivity"),
            MakersScreen("com.samsung.android.lool", "com.samsung.android.sm.ui.battery.BatteryActivity"),
        ),
    ),
    Maker(
        Words("中兴", "ZTE"), setOf("zte", "nubia"),
        listOf(
            step("手机管家 › 自启动管理", "Phone manager › Autostart", "打开“巡格”", "Switch on Xunge"),
            step("设置 › 应用 › 巡格 › 电池", "Settings › Apps › Xunge › Battery", "选“不受限制”", "Choose “Unrestricted”"),
        ),
        listOf(MakersScreen("com.zte.heartyservice", "com.zte.heartyservice.autorun.AppAutoRunManager")),
    ),
    OTHERS,
)

/** All makers, that of this phone first; a maker that is not in the table comes as the other phones do. */
internal fun makersFor(manufacturer: String, brand: String): List<Maker> {
    val names = setOf(manufacturer.lowercase(), brand.lowercase())
    // A brand that was sold or split off goes by its own name: Honor's older phones name Huawei as their manufacturer.
    val own = MAKERS.firstOrNull { brand.lowercase() in it.names } ?: MAKERS.firstOrNull { maker -> names.any { it in maker.names } } ?: OTHERS
    return listOf(own) + (MAKERS - own)
}
