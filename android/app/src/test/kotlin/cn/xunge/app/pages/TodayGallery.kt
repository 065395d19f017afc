package cn.xunge.app.pages

import android.content.Context
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.XungeRunner
import cn.xunge.core.Cell
import cn.xunge.core.FieldTask
import cn.xunge.core.Place
import cn.xunge.core.PointE7
import cn.xunge.core.Position
import cn.xunge.core.ProblemClass
import cn.xunge.core.TaskPurpose
import cn.xunge.core.Words
import cn.xunge.ids.CellNumber
import cn.xunge.ids.Moment
import cn.xunge.ids.TaskKey
import org.junit.Test
import org.junit.runner.RunWith

/** 今日 in its states. */
@RunWith(XungeRunner::class)
class TodayGallery {
    private val cell = Cell("02-03-17 桂林街道 同光路西社区", CellNumber("220104020317"), "桂林街道", "同光路西社区")
    private val inCell = Place.In("2026-08", cell, emptyList(), 0.0)
    private val fix = Position(PointE7(438_700_000, 1_253_200_000), 800u, "gps", false, Scene.now)
    private val here = Here(inCell, fix, null)

    private val check = TaskLine(
        task("check", "核查 道路破损", "剩余 38 分", "38 min left", Scene.at(11, 2), "同光路 118 号", seen = true),
        Words("西北 240 米", "240 m north-west"),
    )
    private val inspect = TaskLine(task("inspect", "督导核验 树穴护板", "剩余 1 小时", "1 h left", Scene.at(11, 24), null, seen = false), null)
    private val overdue = TaskLine(
        task("verify", "核实 污水井盖缺失", "已超时 12 分", "Overdue by 12 min", Scene.at(10, 12), "桂林胡同 6 号", seen = true),
        Words("东 90 米", "90 m east"),
    )

    private val duty = TodayState(Scene.today.copy(tasksOpen = 2u), listOf(check, inspect), here, online = true, refused = null)

    private fun task(id: String, wording: String, zh: String, en: String, due: Moment, address: String?, seen: Boolean) = FieldTask(
        id = TaskKey(id), dueWords = Words(zh, en), purpose = TaskPurpose.Check, wording = wording, cell = cell.code, cellName = cell,
        place = null, address = address, due = due, compare = null, answered = null, isSeen = seen,
    )

    private fun page(state: TodayState): (Context) -> View = { TodayPage(MineHost(it)).build(state) }

    @Test
    fun `on duty with tasks`() = Gallery.show("today", build = page(duty))

    @Test
    fun `off duty and offline while the place is sought`() = Gallery.show(
        "today-off",
        build = page(
            duty.copy(
                today = Scene.today.copy(isOnDuty = false, onDutySince = null, tasksOpen = 1u, itemsWaiting = 3u),
                tasks = listOf(check.copy(distance = null)),
                here = Here(inCell, null, 4 * 60_000L),
                online = false,
            ),
        ),
    )

    private val off = Scene.today.copy(isOnDuty = false, onDutySince = Scene.at(10, 20), lastShiftBegan = Scene.at(7, 2), tasksOpen = 0u)

    @Test
    fun `the shift is over`() = Gallery.show("today-over", build = page(duty.copy(today = off, tasks = emptyList())))

    @Test
    fun `the shift of yesterday, and nothing heard of the centre since`() = Gallery.show(
        "today-silent",
        build = page(
            duty.copy(
                today = off.copy(onDutySince = Scene.at(19, 4, day = 22), lastShiftBegan = Scene.at(11, 0, day = 22), lastContact = Scene.at(19, 10, day = 22)),
                tasks = emptyList(),
            ),
        ),
    )

    @Test
    fun `offline for hours`() = Gallery.show("today-offline-long", build = page(duty.copy(online = false, today = duty.today.copy(lastContact = Scene.at(5, 20)))))

    @Test
    fun `syncing is switched off`() = Gallery.show("today-sync-off", build = page(duty.copy(isSyncOff = true)))

    @Test
    fun `everything arrived and no task`() = Gallery.show(
        "today-done",
        build = page(duty.copy(today = Scene.today.copy(tasksOpen = 0u, itemsWaiting = 0u, photosWaiting = 0u), tasks = emptyList())),
    )

    @Test
    fun `a returned item and an overdue task`() = Gallery.show(
        "today-returned",
        build = page(duty.copy(today = Scene.today.copy(returned = 1u, drafts = 1u, tasksOverdue = 1u), tasks = listOf(overdue, check, inspect))),
    )

    @Test
    fun `a press that was refused`() = Gallery.show(
        "today-refused",
        build = page(
            duty.copy(
                today = Scene.today.copy(isPresenceConfirmed = false),
                refused = Scene.why("disk.full", ProblemClass.DEVICE, "手机存储满了，这一条没有记下；请先清出空间", "the phone's storage is full and this was not kept; free some space first"),
            ),
        ),
    )

    @Test
    fun `the phone may stop the app`() = Gallery.show("today-battery", build = page(duty.copy(tasks = listOf(check), offersBattery = true)))

    @Test
    fun `the centre would doubt the fix`() = Gallery.show("today-imprecise", build = page(duty.copy(here = here.copy(judged = WorkScene.bad))))

    @Test
    fun `no grid yet`() = Gallery.show("today-no-grid", build = page(duty.copy(here = Here(Place.NoGrid, fix, null), tasks = emptyList(), today = Scene.today.copy(tasksOpen = 0u))))

    @Test
    fun `outside of the grid`() = Gallery.show(
        "today-outside",
        build = page(duty.copy(here = Here(Place.Outside("2026-08", cn.xunge.core.CellNearby(cell, 130.0), emptyList()), fix, null))),
    )
}
