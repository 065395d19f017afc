package cn.xunge.app.lock

import android.graphics.Rect
import android.view.Gravity
import android.view.View
import cn.xunge.app.R
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.DigitPad
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.tokens
import cn.xunge.app.pages.callCard
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.core.durationWords
import kotlinx.coroutines.launch

/** 忘了解锁码: six digits to read out to the administrator, and the keys for the eight of the answer. */
class CodePage(host: Host, private val presenter: CodePresenter, private val onBack: () -> Unit) : Page<CodeState>(host) {
    private lateinit var said: Label
    private var challenge: String? = null
    private lateinit var digits: Label

    override suspend fun follow(show: (CodeState) -> Unit) {
        presenter.begin()
        presenter.states.collect { show(it) }
    }

    override fun build(state: CodeState): Screen = Screen(context).apply {
        challenge = state.challenge
        title(text(R.string.code_title), { this@CodePage.onBack() })
        column.add(Card(context, gap = 4)).apply {
            add(Label(context)).text = text(R.string.code_read_out)
            add(Label(context, Size.FIGURE, bold = true)).apply {
                text = state.challenge.orEmpty().chunked(3).joinToString(" ")
                contentDescription = state.challenge.orEmpty().toList().joinToString(" ")
            }
        }
        state.contact?.let { column.add(callCard(context, it)) }
        said = column.add(Label(context)).apply { accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE }
        val big = context.tokens.bigText
        val keys = keys(Column(context, gap = 4))
        digits = keys.add(Label(context, if (big) Size.TITLE else Size.HEADLINE, bold = true)).apply { gravity = Gravity.CENTER }
        keys.add(DigitPad(context, text(R.string.lock_erase), presenter::erase, compact = big) { scope.launch { presenter.press(it) } })
        say(state)
    }

    /** The keys stay where they are: a finger, or TalkBack's focus, is on one of them. */
    override fun update(screen: Screen, state: CodeState): Boolean {
        if (state.challenge != challenge) return false
        say(state)
        return true
    }

    private fun say(state: CodeState) {
        val (words, isProblem) = when {
            state.why != null -> state.why.words.here() to true
            state.waitMs > 0 -> text(R.string.lock_wait, durationWords(host.lang, state.waitMs)) to true
            state.wrong -> text(R.string.code_wrong) to true
            else -> text(R.string.code_type) to false
        }
        said.text = words
        said.setTextColor(context.tokens.color(if (isProblem) Tone.WARNING.color else R.color.text_muted))
        // With large text the line stands below the edge.
        if (isProblem) said.post { said.requestRectangleOnScreen(Rect(0, 0, said.width, said.height), false) }
        digits.text = state.typed.padEnd(CodePresenter.DIGITS, '·').chunked(4).joinToString(" ")
        digits.contentDescription = text(R.string.lock_typed, state.typed.length, CodePresenter.DIGITS)
    }
}
