package cn.xunge.app.pages

import android.content.Context
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.Variant
import cn.xunge.app.XungeRunner
import cn.xunge.app.lock.Ability
import cn.xunge.app.platform.makersFor
import cn.xunge.app.shell.Choices
import cn.xunge.app.shell.Shade
import cn.xunge.app.shell.Tongue
import cn.xunge.core.ExportStep
import cn.xunge.core.Exported
import cn.xunge.core.NetworkSettings
import cn.xunge.core.PhoneUser
import cn.xunge.core.ProblemClass
import cn.xunge.core.StorageUse
import cn.xunge.core.UsersWork
import cn.xunge.app.platform.OwnApp
import cn.xunge.core.Words
import org.junit.Test
import org.junit.runner.RunWith

/** 我的 and the pages behind it. */
@RunWith(XungeRunner::class)
class MeGallery {
    private val rules = NetworkSettings(true, true, true, false, false, 3000u, 5u)
    private val use = StorageUse(96_000_000UL, 31_000_000UL, 44_000_000UL, 310_000_000UL, 370_000_000UL)
    private val me = MeState(Scene.today.copy(returned = 1u), Scene.data, rules, use, Disk(6_800_000_000, 64_000_000_000))
    private val quiet = MeState(Scene.today.copy(itemsWaiting = 0u, photosWaiting = 0u), Scene.data.copy(budget = null), rules, use, me.disk)

    private val long = Variant.ALL.map { it.copy(height = if (it.text > 1) 2400 else 1100) }

    private fun me(state: MeState): (Context) -> View = { MePage(MineHost(it), { "REDMI 12C" }, { true }, { Choices(it.getSharedPreferences("gallery", 0)) }, { false }, own = { OwnApp("1.3.2", 13u) }, finger = { Ability.READY to true }).build(Read(state)) }

    @Test
    fun `who I am and what the app takes`() = Gallery.show("me", build = me(me))

    @Test
    fun `all of it`() = Gallery.show("me-all", long, me(quiet))

    @Test
    fun `a sports manager has months`() = Gallery.show("me-sports", long, me(quiet.copy(today = quiet.today.copy(isSportsManager = true))))

    @Test
    fun `a budget that is used up`() = Gallery.show("me-used-up", build = me(me.copy(data = Scene.data.copy(isUsedUp = true, metered = 3_000_000_000UL))))

    @Test
    fun `little room is left`() = Gallery.show("storage") { StoragePage(MineHost(it)).build(Read(me.copy(disk = Disk(120_000_000, 32_000_000_000)))) }

    @Test
    fun `room enough`() = Gallery.show("storage-enough") { StoragePage(MineHost(it)).build(Read(me)) }

    @Test
    fun `the rules for data`() = Gallery.show("rules", long) { RulesPage(MineHost(it)).build(Read(RulesState(rules, Scene.data))) }

    private fun battery(name: String, isFree: Boolean, maker: String, opened: Boolean = true) = Gallery.show(name) {
        BatteryPage(MineHost(it)).build(BatteryState(isFree, makersFor(maker, maker), !opened))
    }

    @Test
    fun `a phone that may stop the app`() = battery("battery", false, "Xiaomi")

    @Test
    fun `a phone that does not`() = battery("battery-free", true, "HUAWEI")

    @Test
    fun `a maker without a screen of its own`() = battery("battery-by-hand", false, "Doogee", opened = false)

    private fun user(number: Int, name: String?, current: Boolean, waiting: UsersWork?, salvage: Boolean = false) = PhoneUser(
        number.toUInt(), if (salvage) "moved_aside" else "enrolled",
        if (salvage) Words("数据库损坏，已移到一边", "the database is damaged and was moved aside") else Words("已登记", "enrolled"), name, current, waiting, salvage,
    )

    private val users = listOf(
        user(1, "刘海波", true, UsersWork(2UL, 5UL, 1UL)),
        user(2, "陈国梁", false, UsersWork(0UL, 0UL, 0UL)),
        user(3, null, false, null, salvage = true),
    )

    @Test
    fun `the users of the phone`() = Gallery.show("users") { UsersPage(MineHost(it)).build(Read(UsersState(users))) }

    @Test
    fun `damaged data were handed over`() = Gallery.show("users-salvaged") { UsersPage(MineHost(it)).build(Read(UsersState(users.take(2), done = UsersDone.SALVAGED))) }

    @Test
    fun `a home that cannot be opened`() = Gallery.show("users-failed") {
        val why = Scene.why("keys.unreadable", ProblemClass.DEVICE, "手机的密钥读不出来，请重新启动手机后再试", "the phone's keys cannot be read; restart the phone and try again")
        UsersPage(MineHost(it)).build(Read(UsersState(users.take(2), why, contact = Scene.today.contact)))
    }

    private val sealed = Sealing(
        exported = Exported(1UL, 2UL, 1UL, 4UL, 1UL),
        file = "/storage/emulated/0/Android/data/cn.xunge.app/files/export/xunge-20260923-102400.xgp",
    )

    private fun export(sealing: Sealing): (Context) -> View = { ExportPage(MineHost(it)).build(Read(ExportState(Scene.today, sealing))) }

    @Test
    fun `what waits can be sealed`() = Gallery.show("export", build = export(Sealing()))

    @Test
    fun `an export that runs`() = Gallery.show("export-running", build = export(Sealing(true, ExportStep(Exported(1UL, 1UL, 0UL, 2UL, 0UL), 4UL))))

    @Test
    fun `a file that is sealed`() = Gallery.show(
        "export-done",
        build = export(sealed),
    )

    @Test
    fun `a phone that has no chooser of places`() = Gallery.show("export-by-cable", build = export(sealed.copy(placed = Placed.ByCable)))

    @Test
    fun `a sealed file is being copied`() = Gallery.show("export-copying", build = export(sealed.copy(placed = Placed.Copying(3_000_000, 9_000_000))))

    @Test
    fun `a sealed file is where it was wanted`() = Gallery.show("export-placed", build = export(sealed.copy(placed = Placed.There("xunge-20260923-102400.xgp", "手机 › Download"))))

    @Test
    fun `a sealed file that could not be copied`() = Gallery.show("export-failed", build = export(sealed.copy(placed = Placed.Failed)))

    @Test
    fun `language and theme`() = Gallery.show("look") { LookPage(MineHost(it), Choices(it.getSharedPreferences("gallery", 0))).build(LookState(Tongue.CHINESE, Shade.SYSTEM)) }

    @Test
    fun `the libraries and their licences`() = Gallery.show("licences-short") { LicencesPage(MineHost(it)).build(LicencesState(null)) }

    @Test
    fun `the licences in full`() = Gallery.show("licences") { LicencesPage(MineHost(it)).build(LicencesState(licences(it))) }
}
