package cn.xunge.app.pages

import android.graphics.Typeface
import android.text.SpannableStringBuilder
import android.text.style.StyleSpan
import android.view.ViewGroup
import android.widget.LinearLayout
import cn.xunge.app.R
import cn.xunge.app.count
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.PrimaryButton
import cn.xunge.app.kit.RadioCard
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.tokens
import cn.xunge.app.map.MapFrame
import cn.xunge.app.map.MapHere
import cn.xunge.app.map.MapScene
import cn.xunge.app.platform.Places
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.core.Place
import cn.xunge.core.distanceWords
import cn.xunge.ids.EntryKey
import kotlinx.coroutines.launch

/** The cell of a report (改位置): one of those around, or any by its street and community. */
class PlaceOfPage(host: Host, draft: EntryKey, presenter: PlaceOfPresenter? = null) : Page<PlaceOfState>(host) {
    private val presenter by lazy { presenter ?: host.session.run { PlaceOfPresenter(handset, ReportDrafts(handset, io), draft, Places(context).fixes(), io) } }
    private var last: PlaceOfState? = null
    private var radios: RadioCard? = null
    private var done: PrimaryButton? = null
    private var frame: MapFrame? = null

    override suspend fun follow(show: (PlaceOfState) -> Unit) = presenter.states.collect { show(it) }

    override fun build(state: PlaceOfState): Screen = Screen(context).apply {
        last = state
        radios = null
        done = null
        frame = null
        title(heading(state.shelf), host::back)
        state.refused?.let { banner.show(Mark(R.drawable.ic_alert, Tone.WARNING, it.words.here())) }
        when (val shelf = state.shelf) {
            is Shelf.Near -> {
                state.map?.let { map(it) }
                cells(shelf.options, state)
                if (shelf.options.isNotEmpty()) column.add(RowCard(context)).row(RowModel(text(R.string.place_browse), Lead.Small(R.drawable.ic_list), chevron = true, bold = false)) { presenter.browse() }
            }
            is Shelf.Streets -> {
                if (!state.hasPosition && shelf.streets.isNotEmpty()) {
                    hint(text(R.string.place_no_fix))
                    column.add(RowCard(context)).row(RowModel(text(R.string.map_choose), Lead.Small(R.drawable.ic_map), chevron = true, bold = false)) { presenter.onMap() }
                }
                rows(shelf.streets, { it.name ?: it.code.text }, { it.cells }) { presenter.street(it) }
            }
            is Shelf.Communities -> rows(shelf.communities, { it.name ?: it.code.text }, { it.cells }) { presenter.community(it) }
            is Shelf.Cells -> cells(shelf.options, state)
        }
    }

    /** A press on another cell leaves the list where it is. */
    override fun update(screen: Screen, state: PlaceOfState): Boolean {
        val before = last ?: return false
        val sameMap = (before.map == null) == (state.map == null)
        if (!sameMap || before.copy(picked = state.picked, map = state.map) != state) return false
        last = state
        val options = optionsOf(state.shelf)
        radios?.picked = options.indexOfFirst { it.cell.code == state.picked }
        done?.let { ready(screen, it, state) }
        state.map?.let(::draw)
        return true
    }

    /** The small map over the cells: the place under its pin is the one that is chosen. */
    private fun Screen.map(map: PlaceMap) {
        val made = MapFrame(context, aims = true, rounded = true)
        frame = made
        made.map.onArea = { presenter.ask(it) }
        made.map.onMoved = { at, metresPerDp -> presenter.point(at, metresPerDp) }
        column.addView(made, LinearLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, context.tokens.dp(MAP_DP)))
        map.at?.let(made.map::lookAt) ?: map.extent?.let(made.map::overview)
        draw(map)
    }

    private fun draw(map: PlaceMap) {
        val state = last ?: return
        val view = frame?.map ?: return
        view.show(
            MapScene(
                grid = map.grid,
                here = map.at?.let { MapHere(it, map.accuracyCm, isNow = true) },
                candidates = map.candidates.filter { it != state.picked },
                selected = state.picked,
            ),
        )
        view.contentDescription = listOf(text(R.string.map_title), pointed(state) ?: text(R.string.map_pick)).joinToString(text(R.string.spoken_comma))
    }

    /** The cell under the pin, once the map was moved. */
    private fun pointed(state: PlaceOfState): String? = state.map?.takeIf { it.point != null }?.let {
        val cell = (it.under as? Place.In)?.cell ?: return text(R.string.map_picked_outside)
        text(R.string.map_picked, listOfNotNull(text(R.string.cell_name, cell.short()), cell.community).joinToString(" "))
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
        if (options.isNotEmpty()) radios = column.add(RadioCard(context, words, picked) { presenter.pick(options[it].cell.code) })
        done = primary(text(R.string.place_here)) { choose() }.also { ready(this, it, state) }
    }

    private fun ready(screen: Screen, button: PrimaryButton, state: PlaceOfState) {
        val there = optionsOf(state.shelf).any { it.cell.code == state.picked }
        val pointed = pointed(state)
        screen.notYet(button, if (there || pointed != null) null else text(if (state.map == null) R.string.place_pick_first else R.string.map_pick))
        if (state.map != null) screen.hint(pointed ?: text(R.string.map_pick))
    }

    private fun below(option: CellOption): CharSequence? {
        val metres = option.metres
        return when {
            option.isLikeliest && last?.map?.isByHand == true -> text(R.string.place_by_hand)
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
        for (one in of) card.row(RowModel(name(one), end = context.count(R.plurals.place_cells, cells(one).toInt()), chevron = true, bold = false)) { onGo(one) }
    }

    private fun choose() {
        val state = last ?: return
        scope.launch {
            val isDone = if (state.map?.point != null) presenter.choosePoint() else state.picked?.let { presenter.choose(it) } == true
            if (isDone) leave()
        }
    }

    private fun leave() {
        isLeaving = true
        host.back()
    }

    private var isLeaving = false

    override fun onBack(): Boolean = !isLeaving && presenter.back()

    private companion object {
        /** Height of the small map. */
        const val MAP_DP = 230
    }
}
