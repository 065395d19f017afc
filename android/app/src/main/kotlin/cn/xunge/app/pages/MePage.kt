package cn.xunge.app.pages

import android.content.Context
import android.os.StatFs
import android.view.Gravity
import android.view.View
import android.widget.FrameLayout
import android.widget.LinearLayout
import cn.xunge.app.R
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.Facts
import cn.xunge.app.kit.Ground
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.LinkCard
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Meter
import cn.xunge.app.kit.Part
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.heading
import cn.xunge.app.kit.show
import cn.xunge.app.kit.tokens
import cn.xunge.app.lock.Ability
import cn.xunge.app.platform.BatteryScreens
import cn.xunge.app.platform.OwnApp
import cn.xunge.app.platform.SystemPackages
import cn.xunge.app.shell.Choices
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Route
import cn.xunge.app.shell.XungeApp
import cn.xunge.core.momentWords

/**
 * 我的: who I am here, what the app takes, and the way to everything else.
 *
 * @param device the model of the phone
 * @param isLocked whether a PIN of its own locks the app
 * @param own the app that runs here
 * @param isFree Android's battery optimisation leaves the app alone
 * @param finger what the phone can do with fingerprints, and whether one opens the app
 */
class MePage(
    host: Host,
    private val device: () -> String = { host.session.device.model },
    private val isLocked: () -> Boolean = { XungeApp.of(host.context).gate.lock.isSet },
    private val choices: () -> Choices = { XungeApp.of(host.context).choices },
    private val isFree: () -> Boolean = { BatteryScreens(host.context).isFree },
    private val own: () -> OwnApp = { SystemPackages(host.context).own },
    private val finger: () -> Pair<Ability, Boolean> = { XungeApp.of(host.context).gate.finger.run { ability to isOn } },
) : ReadPage<MeState>(host, R.string.nav_me) {
    private val presenter by lazy { host.session.run { MePresenter(handset, changes, { disk(context) }, io) { handset.appUpdate(own().build) } } }

    override fun states() = presenter.states

    override fun screen(state: MeState): Screen = Screen(context).apply {
        named(text(R.string.nav_me))
        column.add(holder(state))
        column.add(data(state))
        column.add(storage(state))
        column.add(places(state))
        column.add(phone(state))
        state.today.contact?.let { column.add(callCard(context, it)) }
        navigation(Place.ME, state.today.tasksOpen.toInt()) { host.switch(it) }
    }

    override fun change(screen: Screen, before: MeState, state: MeState): Boolean =
        before.copy(today = before.today.copy(now = state.today.now), disk = state.disk) == state

    private fun holder(state: MeState): View = Card(context, gap = 8).apply {
        val today = state.today
        val line = LinearLayout(context).apply { gravity = Gravity.CENTER_VERTICAL }
        val wrap = LinearLayout.LayoutParams.WRAP_CONTENT
        line.addView(Initial(context, today.holder), LinearLayout.LayoutParams(wrap, wrap).apply { marginEnd = tokens.dp(12) })
        val words = Column(context, gap = 0)
        words.add(Label(context, Size.TITLE, bold = true)).heading().text = today.holder
        words.add(Label(context, Size.CAPTION, R.color.text_muted)).show(today.post ?: text(R.string.me_no_post))
        line.addView(words, LinearLayout.LayoutParams(0, wrap, 1f))
        add(line)
        val synced = today.lastSync?.let { momentWords(it, today.now) }
        val waits = today.itemsWaiting + today.photosWaiting
        val sync = when {
            synced == null -> text(R.string.me_never_synced)
            waits == 0u -> text(R.string.me_synced_all, synced)
            else -> text(R.string.me_synced, synced, today.itemsWaiting.toInt())
        }
        val facts = listOfNotNull(
            today.postNumber?.let { text(R.string.me_post) to it },
            text(R.string.me_server) to today.server.removePrefix("https://"),
            text(R.string.me_device) to device(),
            text(R.string.me_sync) to sync,
        )
        add(Facts(context, facts))
    }

    private fun data(state: MeState): View {
        val use = state.data
        val budget = use.budget?.toLong()
        val metered = use.metered.toLong()
        val figure = if (budget == null) sizeText(metered) else "${sizeText(metered)} / ${sizeText(budget)}"
        val rule = when {
            !state.rules.sync -> R.string.me_rule_off
            use.isUsedUp -> R.string.me_rule_used_up
            state.rules.wifiOnlyAll -> R.string.me_rule_wifi
            state.rules.wifiOnlyPhotos -> R.string.me_rule_photos
            else -> R.string.me_rule_none
        }
        val share = budget?.let { Part(if (it == 0L) 1f else metered.toFloat() / it, if (use.isUsedUp) Tone.WARNING else Tone.INFO) }
        return link(text(R.string.me_data), figure, text(rule), share) { host.go(Route.NetworkRules) }
    }

    private fun storage(state: MeState): View {
        val left = text(R.string.me_disk_left, sizeText(state.disk.free))
        return link(text(R.string.storage_title), left, text(R.string.me_disk_use, sizeText(state.storage.all)), null) { host.go(Route.Storage) }
    }

    private fun link(title: String, figure: String, sub: String, share: Part?, onClick: () -> Unit): View {
        val spoken = listOf(title, figure, sub).joinToString(text(R.string.spoken_comma))
        return LinkCard(context, spoken, onClick).apply {
            val big = tokens.bigText
            val line = LinearLayout(context).apply { orientation = if (big) LinearLayout.VERTICAL else LinearLayout.HORIZONTAL }
            val wrap = LinearLayout.LayoutParams.WRAP_CONTENT
            line.addView(Label(context, bold = true).apply { text = title }, if (big) LinearLayout.LayoutParams(wrap, wrap) else LinearLayout.LayoutParams(0, wrap, 1f))
            line.addView(Label(context).apply { text = figure })
            column.add(line)
            if (share != null) column.add(Meter(context, share))
            column.add(Label(context, Size.CAPTION, R.color.text_muted)).text = sub
        }
    }

    private fun places(state: MeState): View = RowCard(context).apply {
        val returned = state.today.returned.toInt()
        val badge = if (returned > 0) Mark(R.drawable.ic_undo, Tone.DANGER, text(R.string.me_returned, returned)) else null
        row(RowModel(text(R.string.me_queue), Lead.Small(R.drawable.ic_list), badge = badge, chevron = true, bold = false)) { host.go(Route.Queue) }
        way(R.string.history_title, R.drawable.ic_clock, null, Route.History)
        // Only whom it concerns: activity records are a sports manager's.
        if (state.today.isSportsManager) way(R.string.me_months, R.drawable.ic_calendar, null, Route.Months)
        way(R.string.export_title, R.drawable.ic_lock, R.string.me_export_sub, Route.Export)
    }

    private fun version(state: MeState): String = state.update?.let { text(R.string.update_row_new, it.version) } ?: own().version

    private fun phone(state: MeState): View = RowCard(context).apply {
        way(R.string.users_title, R.drawable.ic_users, null, Route.Users)
        way(R.string.rules_title, R.drawable.ic_sliders, null, Route.NetworkRules)
        way(R.string.battery_title, R.drawable.ic_battery, if (isFree()) R.string.battery_me_free else R.string.battery_me_saved, Route.Battery)
        row(RowModel(text(R.string.lock_row), Lead.Small(R.drawable.ic_key), sub = text(if (isLocked()) R.string.lock_on else R.string.lock_off), chevron = true, bold = false)) { host.go(Route.Pin) }
        if (isLocked()) way(R.string.finger_title, R.drawable.ic_shield_check, fingerWord(), Route.Finger)
        val look = choices().run { lookWords({ this@MePage.text(it) }, tongue, shade) }
        row(RowModel(text(R.string.look_title), Lead.Small(R.drawable.ic_globe), sub = look, chevron = true, bold = false)) { host.go(Route.Look) }
        row(RowModel(text(R.string.update_row), Lead.Small(R.drawable.ic_download), sub = version(state), chevron = true, bold = false)) { host.go(Route.Update) }
        way(R.string.licences_title, R.drawable.ic_book, null, Route.Licences)
    }

    private fun fingerWord(): Int {
        val (ability, isOn) = finger()
        return when {
            isOn -> R.string.finger_on
            ability == Ability.TOO_OLD || ability == Ability.NO_READER -> R.string.finger_cannot
            else -> R.string.lock_off
        }
    }

    private fun RowCard.way(title: Int, icon: Int, sub: Int?, route: Route) =
        row(RowModel(this@MePage.text(title), Lead.Small(icon), sub = sub?.let { this@MePage.text(it) }, chevron = true, bold = false)) { host.go(route) }
}

/** The first character of a name on a disc. */
private class Initial(context: Context, name: String) : FrameLayout(context) {
    init {
        background = Ground(context, tokens.color(R.color.brand_soft), radius = 28f)
        val letter = Label(context, Size.TITLE, R.color.brand, bold = true).apply {
            text = name.take(1)
            gravity = Gravity.CENTER
            importantForAccessibility = IMPORTANT_FOR_ACCESSIBILITY_NO
        }
        addView(letter, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT, Gravity.CENTER))
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        val side = MeasureSpec.makeMeasureSpec(tokens.dp(56), MeasureSpec.EXACTLY)
        super.onMeasure(side, side)
    }
}

/** The storage that the app's files are on. */
internal fun disk(context: Context): Disk = StatFs(context.filesDir.path).let { Disk(it.availableBytes, it.totalBytes) }
