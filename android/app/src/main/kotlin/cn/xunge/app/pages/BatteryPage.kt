package cn.xunge.app.pages

import android.content.Context
import android.os.Build
import android.view.View
import android.widget.LinearLayout
import cn.xunge.app.R
import cn.xunge.app.kit.Caption
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.OutlineButton
import cn.xunge.app.kit.QuietButton
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.StateView
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.tokens
import cn.xunge.app.platform.BatteryScreens
import cn.xunge.app.platform.Maker
import cn.xunge.app.platform.makersFor
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow

/**
 * @param isFree Android's battery optimisation leaves the app alone
 * @param makers that of this phone first
 * @param isNothingOpened the phone has no screen for the last press
 */
internal data class BatteryState(val isFree: Boolean, val makers: List<Maker>, val isNothingOpened: Boolean = false)

internal class BatteryPresenter(manufacturer: String, brand: String, private val isFree: () -> Boolean) {
    private val _states = MutableStateFlow(BatteryState(isFree(), makersFor(manufacturer, brand)))

    val states: Flow<BatteryState> = _states

    /** The person is back from the settings. */
    fun look() {
        _states.value = _states.value.copy(isFree = isFree())
    }

    fun pressed(isOpened: Boolean) {
        _states.value = _states.value.copy(isNothingOpened = !isOpened)
    }
}

/** 后台运行: what to switch on so that a task arrives while the phone sleeps, for each maker's battery manager. */
internal class BatteryPage(host: Host) : Page<BatteryState>(host) {
    private val screens = BatteryScreens(context)
    private val presenter by lazy { BatteryPresenter(Build.MANUFACTURER.orEmpty(), Build.BRAND.orEmpty(), screens::isFree) }

    override suspend fun follow(show: (BatteryState) -> Unit) {
        presenter.look()
        presenter.states.collect { show(it) }
    }

    override fun build(state: BatteryState): Screen = Screen(context).apply {
        title(text(R.string.battery_title), host::back)
        if (state.isNothingOpened) banner.show(Mark(R.drawable.ic_alert, Tone.WARNING, text(R.string.battery_by_hand)))
        column.add(android(state.isFree))
        val own = state.makers.first()
        column.add(maker(own, text(R.string.battery_own)))
        column.add(OutlineButton(context, text(R.string.battery_open), R.drawable.ic_sliders) { presenter.pressed(screens.openMakers(own)) })
        column.add(Caption(context)).text = text(R.string.battery_versions)
        state.makers.drop(1).forEach { column.add(maker(it, null)) }
        if (!state.isFree) primary(text(R.string.battery_free), R.drawable.ic_battery) { presenter.pressed(screens.openAndroids()) }
        addView(Seen(context, presenter::look), 0, 0)
    }

    private fun android(isFree: Boolean): View {
        val (mark, words) = when {
            isFree -> Mark(R.drawable.ic_check_circle, Tone.SUCCESS, text(R.string.battery_is_free)) to R.string.battery_is_free_hint
            else -> Mark(R.drawable.ic_battery, Tone.WARNING, text(R.string.battery_is_saved)) to R.string.battery_is_saved_hint
        }
        return Card(context, mark.tone.takeIf { !isFree }).apply {
            add(StateView(context, size = Size.TITLE)).show(mark)
            add(Label(context)).text = this@BatteryPage.text(words)
        }
    }

    private fun maker(maker: Maker, note: String?): View = RowCard(context).apply {
        head(maker.name.here(), note)
        maker.steps.forEach { row(RowModel(it.path.here(), sub = it.set.here())) }
    }
}

/** The offer of that page on 今日, until one of its two words is pressed. */
internal fun batteryOffer(context: Context, onGo: () -> Unit, onNot: () -> Unit): View = Card(context, Tone.WARNING).apply {
    add(StateView(context)).show(Mark(R.drawable.ic_battery, Tone.WARNING, context.getString(R.string.battery_offer)))
    val words = LinearLayout(context).apply { orientation = if (tokens.bigText) LinearLayout.VERTICAL else LinearLayout.HORIZONTAL }
    words.addView(QuietButton(context, context.getString(R.string.battery_offer_go)) { onGo() })
    words.addView(
        QuietButton(context, context.getString(R.string.battery_offer_not), tone = Tone.NEUTRAL) {
            visibility = View.GONE
            onNot()
        },
    )
    add(words)
}
