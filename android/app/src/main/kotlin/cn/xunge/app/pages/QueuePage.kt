package cn.xunge.app.pages

import cn.xunge.app.R
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.IconButton
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.RowList
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Tone
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Route
import cn.xunge.core.SyncTrigger
import kotlinx.coroutines.Job
import kotlinx.coroutines.launch

/** 我报的: every item with who holds it, what came of it, and what to do. */
class QueuePage(host: Host) : ReadPage<QueueState>(host, R.string.queue_title) {
    private val presenter by lazy { host.session.run { QueuePresenter(handset, changes, events, io) } }
    private val numbers = Numbers()
    private val covers by lazy { host.session.run { Covers(Thumbnails(context), io, { scope }, handset::thumbnail, ::redraw) } }
    private var list: RowList? = null
    private var last: QueueState? = null
    private var sync: Job? = null

    override fun states() = presenter.states

    override fun screen(state: QueueState): Screen = Screen(context).apply {
        title(text(R.string.queue_title), host::back, IconButton(context, R.drawable.ic_refresh, text(R.string.sync_now)) { sync(SyncTrigger.PERSON) })
        list = null
        if (state.isEmpty && state.syncing == Syncing()) {
            column.add(EmptyState(context, R.drawable.ic_inbox, text(R.string.queue_empty), text(R.string.queue_empty_sub)))
            primary(text(R.string.nav_report), R.drawable.ic_camera) { host.switch(Place.REPORT) }
        } else {
            list = list(::open).apply { show(lines(state)) }
        }
        navigation(Place.ME, state.today.tasksOpen.toInt()) { host.switch(it) }
    }

    override fun change(screen: Screen, before: QueueState, state: QueueState): Boolean {
        val list = list ?: return false
        if (before.today.tasksOpen != state.today.tasksOpen || state.isEmpty) return false
        list.show(lines(state))
        return true
    }

    override fun banner(screen: Screen, state: QueueState) {
        val returned = state.needsYou
        if (returned.isEmpty()) return screen.banner.hide()
        val mark = Mark(R.drawable.ic_undo, Tone.DANGER, text(R.string.today_returned, returned.size))
        screen.banner.show(mark, text(R.string.go_mend)) { host.go(Route.Item(returned[0].id)) }
    }

    private fun lines(state: QueueState): QueueLines {
        last = state
        return QueueLines(context, host.lang, state, numbers, { covers.of(it) }) { presenter.more(state) }
    }

    private fun redraw() {
        last?.let { list?.show(lines(it)) }
    }

    private fun open(number: Long) {
        when (number) {
            QueueLines.STOP -> sync?.cancel()
            QueueLines.REPORT -> Unit
            QueueLines.FORCED -> sync(SyncTrigger.FORCED)
            else -> numbers.item(number)?.let { host.go(Route.Item(it)) }
        }
    }

    private fun sync(askedBy: SyncTrigger) {
        if (sync?.isActive == true) return
        sync = scope.launch { presenter.sync(askedBy) }
    }
}
