package cn.xunge.app.pages

import cn.xunge.app.R
import cn.xunge.app.kit.Caption
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.CheckRow
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Meter
import cn.xunge.app.kit.Part
import cn.xunge.app.kit.RadioCard
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.heading
import cn.xunge.app.shell.Host
import cn.xunge.core.DataUse
import cn.xunge.core.HandsetInterface
import cn.xunge.core.NetworkSettings
import cn.xunge.core.ScreenChanges
import cn.xunge.core.durationWords
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.launch

/** 流量规则: the rules, which belong to the phone and hold for all its users, and what was used. */
data class RulesState(val rules: NetworkSettings, val data: DataUse)

class RulesPresenter(private val handset: HandsetInterface, changes: Flow<ScreenChanges>, io: CoroutineDispatcher) {
    private val reader = Reader(io)

    val states: Flow<Read<RulesState>> = reader.states(changes) { RulesState(handset.networkSettings(), handset.dataUse()) }

    /** Sets the rules; false: they are as before, and the state says why. */
    suspend fun set(rules: NetworkSettings): Boolean = reader.call { handset.setNetworkSettings(rules) } != null
}

/** 流量规则: each rule with what it means in data. */
class RulesPage(host: Host) : ReadPage<RulesState>(host, R.string.rules_title) {
    private val presenter by lazy { host.session.run { RulesPresenter(handset, changes, io) } }

    /** Each puts a control to what the rules are. */
    private val controls = ArrayList<(NetworkSettings) -> Unit>()
    private var rules: NetworkSettings? = null

    override fun states() = presenter.states

    override fun screen(state: RulesState): Screen = Screen(context).apply {
        controls.clear()
        rules = state.rules
        title(text(R.string.rules_title), host::back)
        column.add(Card(context, gap = 8)).apply {
            val budget = state.data.budget?.toLong()?.coerceAtLeast(1)
            if (budget != null) {
                val tone = if (state.data.isUsedUp) Tone.WARNING else Tone.INFO
                add(Meter(context, Part(state.data.metered.toLong().toFloat() / budget, tone)))
            }
            add(Label(context)).text = state.data.words.here()
        }
        val card = column.add(RowCard(context))
        rule(card, R.string.rule_sync, R.string.rule_sync_sub, { it.sync }) { rules, on -> rules.copy(sync = on) }
        rule(card, R.string.rule_photos, R.string.rule_photos_sub, { it.wifiOnlyPhotos }) { rules, on -> rules.copy(wifiOnlyPhotos = on) }
        rule(card, R.string.rule_files, R.string.rule_files_sub, { it.wifiOnlyFiles }) { rules, on -> rules.copy(wifiOnlyFiles = on) }
        rule(card, R.string.rule_all, R.string.rule_all_sub, { it.wifiOnlyAll }) { rules, on -> rules.copy(wifiOnlyAll = on) }
        rule(card, R.string.rule_roaming, R.string.rule_roaming_sub, { it.roaming }) { rules, on -> rules.copy(roaming = on) }
        choice(this, R.string.rule_budget, BUDGETS, state.rules.budgetMb, ::budget, { it.budgetMb }) { rules, mb -> rules.copy(budgetMb = mb) }
        choice(this, R.string.rule_poll, POLLS, state.rules.pollMinutes, ::poll, { it.pollMinutes }) { rules, minutes -> rules.copy(pollMinutes = minutes) }
    }

    override fun change(screen: Screen, before: RulesState, state: RulesState): Boolean {
        if (before.data != state.data) return false
        rules = state.rules
        controls.forEach { it(state.rules) }
        return true
    }

    private fun rule(card: RowCard, title: Int, sub: Int, get: (NetworkSettings) -> Boolean, set: (NetworkSettings, Boolean) -> NetworkSettings) {
        val row = card.add(CheckRow(context, text(title), text(sub), get(checkNotNull(rules))) { on -> change { set(it, on) } })
        controls.add { row.isChecked = get(it) }
    }

    /** One of several values; one that is set and not among them is offered, too. */
    private fun <T> choice(
        screen: Screen,
        title: Int,
        offered: List<T>,
        set: T,
        words: (T) -> Pair<CharSequence, CharSequence?>,
        get: (NetworkSettings) -> T,
        put: (NetworkSettings, T) -> NetworkSettings,
    ) {
        val values = if (set in offered) offered else offered + set
        screen.column.add(Caption(context)).heading().text = text(title)
        val card = screen.column.add(RadioCard(context, values.map(words), values.indexOf(set)) { at -> change { put(it, values[at]) } })
        controls.add { card.picked = values.indexOf(get(it)) }
    }

    private fun budget(mb: UInt?): Pair<CharSequence, CharSequence?> =
        if (mb == null) text(R.string.budget_none) to text(R.string.budget_none_sub)
        else sizeText(mb.toLong() * MEGABYTE) to text(R.string.budget_sub, (mb.toLong() / PHOTO_MB).toInt())

    private fun poll(minutes: UInt): Pair<CharSequence, CharSequence?> = text(R.string.poll_every, durationWords(host.lang, minutes.toLong() * 60_000)) to null

    private fun change(next: (NetworkSettings) -> NetworkSettings) {
        val before = rules ?: return
        val wanted = next(before)
        rules = wanted
        scope.launch {
            if (presenter.set(wanted)) return@launch
            // The ticks say what holds, not what was pressed.
            rules = before
            controls.forEach { it(before) }
        }
    }

    private companion object {
        val BUDGETS = listOf<UInt?>(null, 200u, 500u, 1000u, 3000u)
        val POLLS = listOf(5u, 15u, 60u)
        const val MEGABYTE = 1_000_000L

        /** A photo of 1,600 pixels seldom takes more. */
        const val PHOTO_MB = 1L
    }
}
