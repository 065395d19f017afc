package cn.xunge.app.pages

import android.view.View
import cn.xunge.app.R
import cn.xunge.app.count
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Caption
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.MonthCell
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.State
import cn.xunge.app.kit.StateView
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.heading
import cn.xunge.app.kit.mark
import cn.xunge.app.kit.monthGrid
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Route

/** The sports manager's months: is this one done, and how stand those before. */
class MonthsPage(host: Host) : Page<MonthsState>(host) {
    private val presenter by lazy { host.session.run { MonthsPresenter(handset, changes, io) } }

    override suspend fun follow(show: (MonthsState) -> Unit) = presenter.states.collect { show(it) }

    override fun build(state: MonthsState): Screen = Screen(context).apply {
        title(text(R.string.months_title), { host.back() })
        val why = state.problem
        if (why != null) {
            column.add(EmptyState(context, R.drawable.ic_calendar, why.words.here(), why.code))
            return@apply
        }
        column.add(head(state))
        for ((year, months) in state.years) {
            val card = column.add(Card(context, gap = 8))
            card.add(Label(context, bold = true)).heading().text = text(R.string.year, year)
            card.add(monthGrid(context, months.map { MonthCell(context, text(R.string.month, it.month.monthValue), mark(it, state)) }))
        }
        column.add(Caption(context)).text = text(R.string.months_own)
        primary(text(R.string.activity_new), R.drawable.ic_plus) { host.go(Route.Activity()) }
        if (state.now == MonthIs.RETURNED) second(text(R.string.months_mend)) { host.go(Route.Queue) }
    }

    /** This month in one sentence, and what is to be done until when. */
    private fun head(state: MonthsState): View {
        val month = resources().getStringArray(R.array.month_names)[state.today.monthValue - 1]
        val until = context.count(R.plurals.months_left, state.daysLeft, state.today.monthValue, state.today.lengthOfMonth())
        val last = text(R.string.months_last_day)
        val left = if (state.daysLeft == 0) last else until
        val (mark, words) = when (state.now) {
            MonthIs.DONE -> Mark(State.MONTH_DONE.icon, Tone.SUCCESS, text(R.string.months_done, month)) to text(R.string.months_done_hint)
            MonthIs.REVIEW -> Mark(State.MONTH_REVIEW.icon, Tone.INFO, text(R.string.months_review, month)) to text(R.string.months_review_hint)
            MonthIs.RETURNED -> Mark(State.MONTH_RETURNED.icon, Tone.DANGER, text(R.string.months_returned, month)) to left
            else -> Mark(R.drawable.ic_clock_alert, Tone.WARNING, text(R.string.months_none, month)) to text(R.string.months_two, left, text(R.string.months_least))
        }
        return Card(context, mark.tone.takeIf { it != Tone.SUCCESS }).apply {
            add(StateView(context, size = Size.TITLE)).show(mark)
            add(Label(context)).text = words
        }
    }

    private fun mark(line: MonthLine, state: MonthsState): Mark? = when (line.state) {
        MonthIs.DONE -> short(State.MONTH_DONE, R.string.month_done)
        MonthIs.REVIEW -> short(State.MONTH_REVIEW, R.string.month_review)
        MonthIs.RETURNED -> short(State.MONTH_RETURNED, R.string.month_returned)
        MonthIs.MISSING -> State.MONTH_MISSING.mark(context)
        MonthIs.OPEN -> short(State.MONTH_OPEN, R.string.month_open)
        MonthIs.NOW -> Mark(R.drawable.ic_clock_alert, Tone.WARNING, if (state.daysLeft == 0) text(R.string.month_today) else context.count(R.plurals.month_left, state.daysLeft))
        MonthIs.COMING -> null
    }

    /** A cell is narrow: the state's look with a shorter word. */
    private fun short(state: State, word: Int) = Mark(state.icon, state.tone, text(word))

    private fun resources() = context.resources
}
