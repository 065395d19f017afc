package cn.xunge.app.pages

import android.graphics.Typeface
import android.text.SpannableStringBuilder
import android.text.style.StyleSpan
import cn.xunge.app.R
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.PrimaryButton
import cn.xunge.app.kit.RadioCard
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Tone
import cn.xunge.app.platform.Places
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.core.distanceWords
import cn.xunge.ids.CellNumber
import cn.xunge.ids.EntryKey
import kotlinx.coroutines.launch

/** The cell of a report (改位置): one of those around, or any by its street and community. */
class PlaceOfPage(host: Host, draft: EntryKey) : Page<PlaceOfState>(host) {
    private val presenter by lazy { host.session.run { PlaceOfPresenter(handset, ReportDrafts(handset, io), draft, Places(context).fixes(), io) } }
    private var last: PlaceOfState? = null
    private var radios: RadioCard? = null
    private var done: PrimaryButton? = null

    override suspend fun follow(show: (PlaceOfState) -> Unit) = presenter.states.collect { show(it) }

    override fun build(state: PlaceOfState): Screen = Screen(context).apply {
        last = state
        radios = null
        done = null
        title(heading(state.shelf), host::back)
        state.refused?.let { banner.show(Mark(R.drawable.ic_alert, Tone.WARNING, it.words.here())) }
        when (val shelf = state.shelf) {
            is Shelf.Near -> {
                cells(shelf.options, state)
                column.add(RowCard(context)).row(RowModel(text(R.string.place_browse), Lead.Small(R.drawable.ic_list), chevron = true, bold = false)) { presenter.browse() }
            }
            is Shelf.Streets -> {
                if (!state.hasPosition && shelf.streets.isNotEmpty()) hint(text(R.string.place_no_fix))
                rows(shelf.streets, { it.name ?: it.code.text }, { it.cells }) { presenter.street(it) }
            }
            is Shelf.Communities -> rows(shelf.communities, { it.name ?: it.code.text }, { it.cells }) { presenter.community(it) }
            is Shelf.Cells -> cells(shelf.options, state)
        }
    }

    /** A press on another cell leaves the list where it is. */
    override fun update(screen: Screen, state: PlaceOfState): Boolean {
        val before = last ?: return false
        if (before.copy(picked = state.picked) != state) return false
        last = state
        val options = optionsOf(state.shelf)
        radios?.picked = options.indexOfFirst { it.cell.code == state.picked }
        done?.let { ready(screen, it, state) }
        return true
    }

    private fun heading(shelf: Shelf): String = when (shelf) {
        is Shelf.Near -> text(R.string.place_of_title)
        is Shelf.Streets -> text(R.string.place_of_street)
        is Shelf.Communities -> shelf.street.name ?: text(R.string.place_of_community)
        is Shelf.Cells -> shelf.community.name ?: text(R.string.place_of_title)
    }

    private fun optionsOf(shelf: Shelf): List<CellOption> = when (shelf) {
        is Shelf.Near -> shelf.options
        is Shelf.Cells -> shelf.options
        is Shelf.Streets, is Shelf.Communities -> emptyList()
    }

    private fun Screen.cells(options: List<CellOption>, state: PlaceOfState) {
        val words = options.map { option ->
            val name = SpannableStringBuilder(option.cell.short()).apply { setSpan(StyleSpan(Typeface.BOLD), 0, length, 0) }
            option.cell.community?.let { name.append(" ").append(it) }
            name to below(option)
        }
        val picked = options.indexOfFirst { it.cell.code == state.picked }
        radios = column.add(RadioCard(context, words, picked) { presenter.pick(options[it].cell.code) })
        done = primary(text(R.string.place_here)) { last?.picked?.let(::choose) }.also { ready(this, it, state) }
    }

    private fun ready(screen: Screen, button: PrimaryButton, state: PlaceOfState) {
        val there = optionsOf(state.shelf).any { it.cell.code == state.picked }
        screen.notYet(button, if (there) null else text(R.string.place_pick_first))
    }

    private fun below(option: CellOption): CharSequence? {
        val metres = option.metres
        return when {
            option.isLikeliest -> text(R.string.place_likeliest)
            metres != null -> text(R.string.place_away, distanceWords(host.lang, metres))
            else -> null
        }
    }

    private fun <T> Screen.rows(of: List<T>, name: (T) -> String, cells: (T) -> UInt, onGo: (T) -> Unit) {
        if (of.isEmpty()) {
            column.add(EmptyState(context, R.drawable.ic_map, text(R.string.place_no_list), text(R.string.place_no_list_how)))
            return
        }
        val card = column.add(RowCard(context))
        for (one in of) card.row(RowModel(name(one), end = text(R.string.place_cells, cells(one).toInt()), chevron = true, bold = false)) { onGo(one) }
    }

    private fun choose(cell: CellNumber) {
        scope.launch { if (presenter.choose(cell)) leave() }
    }

    private fun leave() {
        isLeaving = true
        host.back()
    }

    private var isLeaving = false

    override fun onBack(): Boolean = !isLeaving && presenter.back()
}
