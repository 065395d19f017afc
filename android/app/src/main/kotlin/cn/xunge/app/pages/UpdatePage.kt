package cn.xunge.app.pages

import cn.xunge.app.R
import cn.xunge.app.count
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Facts
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Meter
import cn.xunge.app.kit.Part
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.Tone
import cn.xunge.app.platform.InstallProblem
import cn.xunge.app.platform.Packages
import cn.xunge.app.platform.SystemPackages
import cn.xunge.app.shell.Host
import cn.xunge.core.AppUpdate
import kotlinx.coroutines.launch

/** 应用更新: which version runs, which is newer and how far it is here, what waits, and the button that installs it. */
class UpdatePage(host: Host, private val packages: Packages = SystemPackages(host.context)) : ReadPage<UpdateState>(host, R.string.update_title) {
    private val presenter by lazy { host.session.run { UpdatePresenter(handset, changes, packages, io) } }

    override fun states() = presenter.states

    override fun screen(state: UpdateState): Screen = Screen(context).apply {
        title(text(R.string.update_title), host::back)
        val update = state.update
        if (update == null) {
            column.add(Card(context, gap = 8)).apply {
                add(Label(context, Size.TITLE, bold = true)).text = text(R.string.update_none)
                add(Label(context, Size.CAPTION, R.color.text_muted)).text = text(R.string.update_own, state.own.version)
            }
            return@apply
        }
        column.add(Card(context, gap = 8)).apply {
            add(Label(context, Size.TITLE, bold = true)).text = text(if (state.isReady) R.string.update_ready else R.string.update_fetching, update.version)
            if (!state.isReady) {
                val share = if (update.size == 0UL) 0f else (update.have.toDouble() / update.size.toDouble()).toFloat()
                add(Meter(context, Part(share, Tone.INFO)))
                add(Label(context, Size.CAPTION, R.color.text_muted)).text = text(R.string.update_part, sizeText(update.have.toLong()), sizeText(update.size.toLong()))
            }
            add(Facts(context, listOf(text(R.string.update_here) to state.own.version, text(R.string.update_new) to update.version, text(R.string.update_size) to sizeText(update.size.toLong()))))
        }
        column.add(RowCard(context)).row(waits(state))
        if (state.problem == InstallProblem.NOT_OURS || state.problem == InstallProblem.FAILED) state.today.contact?.let { column.add(callCard(context, it)) }
        if (state.isReady) install(state, update) else hint(text(R.string.update_wifi))
    }

    /** What waits is said before the install: it is sent by the newer app. */
    private fun waits(state: UpdateState): RowModel {
        val items = state.today.itemsWaiting.toInt()
        val photos = state.today.photosWaiting.toInt()
        return when {
            items == 0 && photos == 0 -> RowModel(text(R.string.all_arrived), Lead.Small(R.drawable.ic_check_circle, Tone.SUCCESS.color), sub = text(R.string.update_keeps))
            else -> RowModel(text(R.string.update_waits, context.count(R.plurals.export_entries, items), context.count(R.plurals.waiting_photos, photos)), Lead.Small(R.drawable.ic_clock, Tone.INFO.color), sub = text(R.string.update_keeps))
        }
    }

    private fun Screen.install(state: UpdateState, update: AppUpdate) {
        if (state.problem == InstallProblem.NOT_ALLOWED) {
            primary(text(R.string.update_allow), R.drawable.ic_sliders) { context.startActivity(packages.settings()) }
            second(text(R.string.update_install)) { scope.launch { presenter.install(update) } }
            return
        }
        val button = primary(text(R.string.update_install), R.drawable.ic_download) { scope.launch { presenter.install(update) } }
        if (state.copying) notYet(button, text(R.string.update_copying))
    }

    override fun banner(screen: Screen, state: UpdateState) {
        val problem = state.problem
        when {
            problem != null -> screen.banner.show(Mark(R.drawable.ic_alert, if (problem == InstallProblem.NOT_OURS) Tone.DANGER else Tone.WARNING, text(problem.words)))
            state.update?.isRequired == true -> screen.banner.show(Mark(R.drawable.ic_clock_alert, Tone.WARNING, text(R.string.update_required)))
            else -> screen.banner.hide()
        }
    }

    private val InstallProblem.words: Int
        get() = when (this) {
            InstallProblem.NOT_OURS -> R.string.update_not_ours
            InstallProblem.NOT_ALLOWED -> R.string.update_not_allowed
            InstallProblem.DECLINED -> R.string.update_declined
            InstallProblem.NO_ROOM -> R.string.update_no_room
            InstallProblem.FAILED -> R.string.update_failed
        }
}
