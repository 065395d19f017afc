package cn.xunge.app.pages

import android.Manifest
import android.app.AlertDialog
import android.os.Build
import android.view.View
import cn.xunge.app.R
import cn.xunge.app.count
import cn.xunge.app.kit.Disc
import cn.xunge.app.kit.HeadCard
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.PlaceLine
import cn.xunge.app.kit.QuietButton
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.State
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.mark
import cn.xunge.app.platform.BatteryScreens
import cn.xunge.app.platform.Places
import cn.xunge.app.platform.SystemPackages
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Route
import cn.xunge.app.shell.XungeApp
import cn.xunge.core.Today
import cn.xunge.core.momentWords
import cn.xunge.ids.Moment
import kotlinx.coroutines.launch

/** The home screen (今日). */
class TodayPage(host: Host) : Page<TodayState>(host) {
    private val presenter by lazy {
        val places = Places(context)
        host.session.run {
            val online = { app.surroundings.connectivity().online }
            val own by lazy { SystemPackages(context).own.build }
            val offersBattery = { !app.choices.isBatterySettled && !BatteryScreens(context).isFree }
            TodayPresenter(handset, changes, places.fixes(), online, io, { handset.appUpdate(own) }, { !handset.networkSettings().sync }, offersBattery)
        }
    }
    private val app get() = XungeApp.of(context)
    private var shown: TodayState? = null
    private var line: PlaceLine? = null

    override suspend fun follow(show: (TodayState) -> Unit) = presenter.states.collect { show(it) }

    override fun build(state: TodayState): Screen = Screen(context).apply {
        shown = state
        named(text(R.string.nav_today))
        line = place().opens(text(R.string.map_title)) { host.go(Route.Map()) }.apply { showPlace(host.lang, state.here) }
        say(this, state)
        fill(this, state)
        if (state.today.isOnDuty) {
            primary(text(R.string.nav_report), R.drawable.ic_camera) { host.switch(Place.REPORT) }
        } else {
            primary(text(R.string.check_in), R.drawable.ic_user_check) { checkIn() }
        }
        navigation(Place.TODAY, state.today.tasksOpen.toInt()) { host.switch(it) }
    }

    /** A fix comes every two seconds: it changes the place line, and leaves what is read and scrolled in peace. */
    override fun update(screen: Screen, state: TodayState): Boolean {
        val before = shown ?: return false
        if (before.today.isOnDuty != state.today.isOnDuty || before.today.tasksOpen != state.today.tasksOpen) return false
        shown = state
        if (before.here != state.here) line?.showPlace(host.lang, state.here)
        say(screen, state)
        if (before.still() != state.still()) {
            screen.column.removeAllViews()
            fill(screen, state)
        }
        return true
    }

    /** What the cards show: without the place and the clock. */
    private fun TodayState.still() = copy(here = Here(null, null, null), today = today.copy(now = Moment(0), lastSync = null, lastContact = null))

    private fun say(screen: Screen, state: TodayState) {
        val (mark, act) = problem(state) ?: return screen.banner.hide()
        screen.banner.show(mark, act?.first, act?.second)
    }

    private fun fill(screen: Screen, state: TodayState) {
        screen.column.add(presence(state.today))
        if (state.tasks.isNotEmpty()) screen.column.add(tasks(state))
        screen.column.add(arrived(state.today))
        if (state.offersBattery) screen.column.add(batteryOffer(context, { settleBattery(); host.go(Route.Battery) }, ::settleBattery))
    }

    private fun settleBattery() {
        app.choices.isBatterySettled = true
    }

    /** What needs the person, or is worth knowing; the more urgent first. */
    private fun problem(state: TodayState): Pair<Mark, Pair<String, () -> Unit>?>? = when {
        state.refused != null -> Mark(R.drawable.ic_alert, Tone.WARNING, state.refused.words.here()) to null
        state.today.returned > 0u ->
            Mark(R.drawable.ic_undo, Tone.DANGER, text(R.string.today_returned, state.today.returned.toInt())) to
                (text(R.string.go_mend) to { host.go(Route.Queue) })
        state.isSyncOff ->
            Mark(R.drawable.ic_alert, Tone.WARNING, text(R.string.today_sync_off)) to (text(R.string.today_sync_on) to { host.go(Route.NetworkRules) })
        state.update?.isRequired == true ->
            Mark(R.drawable.ic_clock_alert, Tone.WARNING, text(R.string.today_update_required)) to (text(R.string.update_see) to { host.go(Route.Update) })
        state.silentHours != null -> silent(state, state.silentHours ?: 0)
        !state.online -> Mark(R.drawable.ic_wifi_off, Tone.NEUTRAL, text(R.string.today_offline)) to null
        state.update != null ->
            Mark(R.drawable.ic_download, Tone.INFO, text(R.string.update_ready, state.update.version)) to (text(R.string.update_see) to { host.go(Route.Update) })
        else -> null
    }

    /** For hours nothing was heard of the centre: what the person can do about it. */
    private fun silent(state: TodayState, hours: Int): Pair<Mark, Pair<String, () -> Unit>> {
        val words = context.count(if (state.online) R.plurals.today_silent else R.plurals.today_silent_offline, hours)
        val way = if (state.online) text(R.string.today_silent_see) to { host.go(Route.Queue) } else text(R.string.export_title) to { host.go(Route.Export) }
        return Mark(R.drawable.ic_clock_alert, Tone.WARNING, words) to way
    }

    /** One brush with a glove must not end the duty. */
    private fun askCheckOut() {
        AlertDialog.Builder(context).setTitle(R.string.check_out_ask)
            .setPositiveButton(R.string.check_out) { _, _ -> scope.launch { presenter.checkOut() } }
            .setNegativeButton(R.string.check_out_not, null)
            .show()
    }

    private fun presence(today: Today): View {
        val since = today.onDutySince?.let { momentWords(it, today.now) }
        val sub = when {
            today.isOnDuty && since != null && today.isPresenceConfirmed -> text(R.string.on_duty_since, since)
            today.isOnDuty && since != null -> text(R.string.on_duty_since_here, since)
            else -> lastShift(today) ?: text(R.string.off_duty_hint)
        }
        val out = if (today.isOnDuty) QuietButton(context, text(R.string.check_out), onClick = ::askCheckOut) else null
        val (icon, tone) = if (today.isOnDuty) R.drawable.ic_user_check to Tone.SUCCESS else R.drawable.ic_user to Tone.NEUTRAL
        val word = when {
            today.isOnDuty -> State.ON_DUTY.mark(context).text
            today.endedToday() -> text(R.string.checked_out)
            else -> State.OFF_DUTY.mark(context).text
        }
        return HeadCard(context, Disc(context, icon, tone), word, sub, out)
    }

    /** When the last shift was, with what the server has of its end; null without one. */
    private fun lastShift(today: Today): String? {
        val end = today.onDutySince?.let { momentWords(it, today.now) } ?: return null
        val shift = listOfNotNull(today.lastShiftBegan?.let { momentWords(it, today.now) }, end).joinToString("–")
        return when {
            !today.isPresenceConfirmed -> text(R.string.shift_over_here, shift)
            today.endedToday() -> shift
            else -> text(R.string.shift_before, shift)
        }
    }

    private fun Today.endedToday() = !isOnDuty && onDutySince?.let { workDay(it) == workDay(now) } == true

    private fun tasks(state: TodayState): View = RowCard(context).apply {
        head(text(R.string.today_tasks, state.today.tasksOpen.toInt()), text(R.string.by_due))
        for (line in state.tasks) {
            row(taskRow(line, state.today.now)) { host.go(Route.TaskPage(line.task.id)) }
        }
    }

    private fun taskRow(line: TaskLine, now: Moment): RowModel {
        val task = line.task
        return RowModel(
            title = task.title(context),
            lead = Lead.Tile(R.drawable.ic_list_check),
            state = if (task.isSeen || task.due.millis < now.millis) task.clock(now, host.lang) else task.newMark(context, now),
            sub = listOfNotNull(line.distance?.here(), task.address ?: task.cellName?.line).joinToString(" · "),
            chevron = true,
        )
    }

    private fun arrived(today: Today): View = RowCard(context).apply {
        val waits = today.itemsWaiting.toInt()
        val photos = today.photosWaiting.toInt()
        val model = when {
            waits == 0 && photos == 0 -> RowModel(text(R.string.all_arrived), Lead.Small(R.drawable.ic_check_circle, Tone.SUCCESS.color), chevron = true)
            else -> RowModel(
                text(R.string.waiting_items, waits),
                Lead.Small(R.drawable.ic_clock, Tone.INFO.color),
                sub = context.count(R.plurals.waiting_photos, photos),
                chevron = true,
            )
        }
        row(model) { host.go(Route.Queue) }
        if (today.drafts > 0u) {
            row(RowModel(context.count(R.plurals.drafts_kept, today.drafts.toInt()), Lead.Small(R.drawable.ic_pencil), chevron = true)) { host.go(Route.Queue) }
        }
    }

    /** Asks for place and notices first: a check-in with a place says more, and a task is to be announced. It works without. */
    private fun checkIn() = host.permit(listOfNotNull(Manifest.permission.ACCESS_FINE_LOCATION, NOTICES.takeIf { Build.VERSION.SDK_INT >= 33 })) {
        scope.launch { presenter.checkIn() }
    }

    private companion object {
        /** Its constant is newer than Android 8. */
        const val NOTICES = "android.permission.POST_NOTIFICATIONS"
    }
}
