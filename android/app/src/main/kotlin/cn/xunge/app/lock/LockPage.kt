package cn.xunge.app.lock

import android.content.Context
import android.view.Gravity
import android.view.View
import android.view.ViewGroup
import android.widget.LinearLayout
import cn.xunge.app.R
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.DigitPad
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.QuietButton
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.tokens
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.core.durationWords
import kotlinx.coroutines.launch

/**
 * The digits of the lock (解锁码), large enough for gloves. What waits is sent while the app is locked, and it says so.
 *
 * @param onForgotten null where the phone has no credential of its own
 */
class LockPage(host: Host, private val presenter: LockPresenter, private val onForgotten: (() -> Unit)?) : Page<LockState>(host) {
    override suspend fun follow(show: (LockState) -> Unit) {
        byFinger()
        presenter.states.collect { show(it) }
    }

    private val headline = Label(context, Size.HEADLINE, bold = true).apply { gravity = Gravity.CENTER }
    private val said = Label(context).apply {
        gravity = Gravity.CENTER
        accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE
    }
    private val dots = LinearLayout(context).apply {
        gravity = Gravity.CENTER
        minimumHeight = tokens.dp(40)
        isFocusable = true
    }

    private var asking: Asking? = null
    private var byFinger = false

    override fun build(state: LockState): Screen = Screen(context).apply {
        listOf(headline, said, dots).forEach { (it.parent as? ViewGroup)?.removeView(it) }
        named(headline(state))
        val head = Column(context, gap = 4)
        head.setPadding(0, tokens.dp(32), 0, tokens.dp(4))
        head.add(headline)
        head.add(said)
        column.add(head)
        column.add(dots)
        // The keys stand at the thumb, whatever the height.
        column.addView(View(context), LinearLayout.LayoutParams(0, 0, 1f))
        column.add(DigitPad(context, text(R.string.lock_erase), presenter::erase) { scope.launch { presenter.press(it) } })
        when {
            state.byFinger && onForgotten != null -> answers(
                QuietButton(context, text(R.string.lock_finger)) { byFinger() },
                QuietButton(context, text(R.string.lock_forgotten)) { onForgotten.invoke() },
            )
            state.byFinger -> second(text(R.string.lock_finger)) { byFinger() }
            state.asking == Asking.UNLOCK && onForgotten != null -> second(text(R.string.lock_forgotten)) { onForgotten.invoke() }
            presenter.replaces -> second(text(R.string.lock_take_away)) { presenter.takeAway() }
        }
        asking = state.asking
        byFinger = state.byFinger
        update(this, state)
    }

    /** The keys stay where they are: a finger, or TalkBack's focus, is on one of them. */
    override fun update(screen: Screen, state: LockState): Boolean {
        if (state.asking != asking && presenter.replaces || state.byFinger != byFinger) return false
        asking = state.asking
        headline.text = headline(state)
        said.text = said(state)
        said.setTextColor(context.tokens.color(if (state.wrong || state.isFull || state.fingersChanged || state.failed != null) Tone.WARNING.color else R.color.text_muted))
        dots.removeAllViews()
        dots.contentDescription = text(R.string.lock_typed, state.typed, Lock.DIGITS)
        for (at in 0 until Lock.DIGITS) {
            val dot = Label(context, Size.HEADLINE, if (at < state.typed) R.color.brand else R.color.text_muted)
            dot.text = if (at < state.typed) "●" else "○"
            dot.importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
            dot.setPadding(context.tokens.dp(6), 0, context.tokens.dp(6), 0)
            dots.addView(dot)
        }
        return true
    }

    private fun byFinger() {
        scope.launch { presenter.byFinger() }
    }

    private fun headline(state: LockState) = when (state.asking) {
        Asking.UNLOCK -> text(R.string.lock_unlock)
        Asking.NEW -> text(R.string.lock_new)
        Asking.AGAIN -> text(R.string.lock_again)
    }

    private fun said(state: LockState): String = when {
        state.waitMs > 0 -> text(R.string.lock_wait, durationWords(host.lang, state.waitMs))
        state.isFull -> text(R.string.lock_full)
        state.wrong && state.asking == Asking.NEW -> text(R.string.lock_differ)
        state.wrong -> text(R.string.lock_wrong)
        state.fingersChanged -> text(R.string.lock_fingers_changed)
        state.failed != null -> state.failed
        state.asking == Asking.UNLOCK -> text(R.string.lock_still_sends)
        else -> text(R.string.lock_why)
    }
}

/** The system's dialog for a finger, over this context's window. */
fun askFinger(context: Context, title: Int): AskFinger = { cipher, answer ->
    FingerPrompt.ask(context, context.getString(title), context.getString(R.string.finger_use_pin), cipher, answer)
}
