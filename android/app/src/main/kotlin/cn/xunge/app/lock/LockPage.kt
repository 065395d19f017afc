package cn.xunge.app.lock

import android.view.Gravity
import android.view.View
import android.widget.LinearLayout
import cn.xunge.app.R
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.Grid
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.OutlineButton
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
    override suspend fun follow(show: (LockState) -> Unit) = presenter.states.collect { show(it) }

    override fun build(state: LockState): Screen = Screen(context).apply {
        named(headline(state))
        column.add(head(state))
        column.add(dots(state.typed))
        column.add(pad())
        if (state.asking == Asking.UNLOCK && onForgotten != null) {
            second(text(R.string.lock_forgotten)) { onForgotten.invoke() }
        }
    }

    private fun headline(state: LockState) = when (state.asking) {
        Asking.UNLOCK -> text(R.string.lock_unlock)
        Asking.NEW -> text(R.string.lock_new)
        Asking.AGAIN -> text(R.string.lock_again)
    }

    private fun head(state: LockState): View {
        val said = when {
            state.waitMs > 0 -> text(R.string.lock_wait, durationWords(host.lang, state.waitMs))
            state.wrong && state.asking == Asking.NEW -> text(R.string.lock_differ)
            state.wrong -> text(R.string.lock_wrong)
            state.asking == Asking.UNLOCK -> text(R.string.lock_still_sends)
            else -> text(R.string.lock_why)
        }
        val tone = if (state.wrong) Tone.WARNING else Tone.NEUTRAL
        return Column(context, gap = 4).apply {
            gravity = Gravity.CENTER_HORIZONTAL
            setPadding(0, tokens.dp(16), 0, tokens.dp(4))
            add(Label(context, Size.HEADLINE, bold = true)).apply {
                text = headline(state)
                gravity = Gravity.CENTER
            }
            add(Label(context, Size.BODY, tone.color)).apply {
                text = said
                gravity = Gravity.CENTER
                accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE
            }
        }
    }

    private fun dots(typed: Int): View = LinearLayout(context).apply {
        gravity = Gravity.CENTER
        minimumHeight = tokens.dp(40)
        contentDescription = text(R.string.lock_typed, typed, Lock.DIGITS)
        isFocusable = true
        for (at in 0 until Lock.DIGITS) {
            val dot = Label(context, Size.HEADLINE, if (at < typed) R.color.brand else R.color.line_strong)
            dot.text = if (at < typed) "●" else "○"
            dot.importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
            dot.setPadding(tokens.dp(6), 0, tokens.dp(6), 0)
            addView(dot)
        }
    }

    private fun pad(): View = Grid(context, 96).apply {
        for (digit in "123456789") addView(key(digit))
        addView(View(context))
        addView(key('0'))
        addView(QuietButton(context, text(R.string.lock_erase)) { presenter.erase() })
    }

    private fun key(digit: Char) = OutlineButton(context, digit.toString()) { scope.launch { presenter.press(digit) } }
}
