package cn.xunge.app.lock

import android.content.Intent
import android.provider.Settings
import cn.xunge.app.R
import cn.xunge.app.kit.Caption
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Tone
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page

/** 指纹解锁: what it does, and why it may not be there. */
class FingerPage(host: Host, private val presenter: FingerPresenter) : Page<FingerState>(host) {
    private val digits by lazy { LockPage(host, presenter.pin, onForgotten = null) }
    private var asksPin = false

    override suspend fun follow(show: (FingerState) -> Unit) {
        digits.attach(scope)
        presenter.states.collect { show(it) }
    }

    override fun build(state: FingerState): Screen {
        asksPin = state.pin != null
        return if (state.pin != null) digits.build(state.pin) else says(state)
    }

    override fun update(screen: Screen, state: FingerState): Boolean = asksPin && state.pin != null && digits.update(screen, state.pin)

    private fun says(state: FingerState) = Screen(context).apply {
        title(text(R.string.finger_title), host::back)
        val (word, tone) = if (state.isOn) R.string.finger_is_on to Tone.SUCCESS else R.string.finger_is_off to Tone.NEUTRAL
        val why = when (state.ability) {
            Ability.TOO_OLD -> R.string.finger_too_old
            Ability.NO_READER -> R.string.finger_no_reader
            Ability.NONE_ENROLLED -> R.string.finger_none
            Ability.READY -> R.string.finger_says
        }
        column.add(EmptyState(context, if (state.isOn) R.drawable.ic_shield_check else R.drawable.ic_key, text(word), text(why), tone))
        if (state.ability == Ability.READY) column.add(Caption(context)).text = text(R.string.finger_new)
        val failed = state.failed
        if (failed != null) banner.show(Mark(R.drawable.ic_alert, Tone.WARNING, failed.ifEmpty { text(R.string.finger_failed) }))
        when {
            state.isOn -> second(text(R.string.finger_switch_off), Tone.DANGER) { presenter.switchOff() }
            state.ability == Ability.READY -> primary(text(R.string.finger_switch_on)) { presenter.want(true) }
            state.ability == Ability.NONE_ENROLLED -> primary(text(R.string.finger_settings)) { context.startActivity(Intent(Settings.ACTION_SECURITY_SETTINGS)) }
        }
    }

    override fun onBack(): Boolean = presenter.asksPin.also { if (it) presenter.want(false) }
}
