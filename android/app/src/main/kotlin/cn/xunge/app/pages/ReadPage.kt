package cn.xunge.app.pages

import cn.xunge.app.R
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Tone
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.core.Why
import kotlinx.coroutines.flow.Flow

/** A page over what a [Reader] reads: says why there is nothing to show, and why a press did nothing. */
abstract class ReadPage<T : Any>(host: Host, private val title: Int) : Page<Read<T>>(host) {
    private var shown: Read<T>? = null

    protected abstract fun states(): Flow<Read<T>>

    /** The screen for what was read, without its banner. */
    protected abstract fun screen(state: T): Screen

    /** Brings the screen up to date; false: build it anew. */
    protected open fun change(screen: Screen, before: T, state: T): Boolean = false

    /** What needs the person, when no refusal does. */
    protected open fun banner(screen: Screen, state: T) = screen.banner.hide()

    override suspend fun follow(show: (Read<T>) -> Unit) = states().collect { show(it) }

    final override fun build(state: Read<T>): Screen {
        shown = state
        val it = state.it ?: return nothing(state.why)
        return screen(it).also { screen -> say(screen, it, state.why) }
    }

    final override fun update(screen: Screen, state: Read<T>): Boolean {
        val before = shown?.it ?: return false
        val now = state.it ?: return false
        if (now != before && !change(screen, before, now)) return false
        shown = state
        say(screen, now, state.why)
        return true
    }

    private fun say(screen: Screen, state: T, why: Why?) =
        if (why == null) banner(screen, state) else screen.banner.show(Mark(R.drawable.ic_alert, Tone.WARNING, why.words.here()))

    private fun nothing(why: Why?) = Screen(context).apply {
        title(text(title), host::back)
        column.add(EmptyState(context, R.drawable.ic_alert, text(R.string.cannot_show), why?.words?.here(), Tone.WARNING))
    }
}
