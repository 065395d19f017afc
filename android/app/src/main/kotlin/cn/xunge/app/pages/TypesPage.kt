package cn.xunge.app.pages

import cn.xunge.app.R
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Field
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.QuietButton
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.TypeButton
import cn.xunge.app.kit.typeGrid
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Route
import cn.xunge.core.Matter
import cn.xunge.ids.EntryKey
import kotlinx.coroutines.launch

/** The type of a report (上报：选类型): six to press at once, every other by a search. */
internal class TypesPage(host: Host, private val draft: EntryKey) : Page<TypesState>(host) {
    private val presenter by lazy { host.session.run { TypesPresenter(handset, ReportDrafts(handset, io), draft, io) } }
    private var photos: List<DraftShot> = emptyList()
    private var results: Column? = null

    override suspend fun follow(show: (TypesState) -> Unit) = presenter.states.collect { show(it) }

    override fun build(state: TypesState): Screen = Screen(context).also { screen ->
        photos = state.photos
        screen.title(text(R.string.types_title), host::back)
        val row = ShotRow(context, { _, _, _ -> more() }, ::more, R.drawable.ic_camera)
        row.show(state.photos)
        screen.column.add(row.view)
        // Who has taken a second one knows how.
        if (state.photos.size == 1) row.view.addView(Label(context, Size.CAPTION, R.color.text_muted).apply { text = text(R.string.types_photos) })
        if (state.all > 0) {
            val field = screen.column.add(Field(context, R.id.types_search, null, text(R.string.types_search), icon = R.drawable.ic_search))
            field.text = state.query
            field.edit.setSelection(field.edit.length())
            field.onTyped { presenter.search(it) }
        }
        results = screen.column.add(Column(context))
        fill(screen, state)
    }

    override fun update(screen: Screen, state: TypesState): Boolean {
        if (state.photos != photos || results == null) return false
        fill(screen, state)
        return true
    }

    private fun more() = host.go(Route.Camera(draft))

    private fun fill(screen: Screen, state: TypesState) {
        val refused = state.refused
        if (refused == null) screen.banner.hide() else screen.banner.show(Mark(R.drawable.ic_alert, Tone.WARNING, refused.words.here()))
        val results = results ?: return
        results.removeAllViews()
        val found = state.found
        when {
            state.all == 0 -> {
                results.add(EmptyState(context, R.drawable.ic_list, text(R.string.types_none), text(R.string.types_none_how)))
                if (refused == null) screen.primary(text(R.string.types_without)) { host.replace(Route.Submit(draft)) }
            }
            found == null -> {
                results.add(typeGrid(context, state.frequent.map { button(it, state) }))
                note(results, text(R.string.types_others, state.all))
            }
            found.isEmpty() -> {
                results.add(EmptyState(context, R.drawable.ic_search, text(R.string.types_no_match, state.query), text(R.string.types_no_match_how)))
                results.add(QuietButton(context, text(R.string.types_without)) { host.replace(Route.Submit(draft)) })
            }
            else -> {
                val card = results.add(RowCard(context))
                for (matter in found.take(SHOWN)) {
                    card.row(RowModel(matter.name(host.lang), bold = matter.code == state.chosen)) { choose(matter) }
                }
                if (found.size > SHOWN) note(results, text(R.string.types_more, found.size - SHOWN))
            }
        }
    }

    private fun note(results: Column, words: String) {
        results.add(Label(context, Size.CAPTION, R.color.text_muted)).text = words
    }

    private fun button(matter: Matter, state: TypesState) =
        TypeButton(context, matter.name(host.lang)) { choose(matter) }.apply { isSelected = matter.code == state.chosen }

    private fun choose(matter: Matter) {
        scope.launch { if (presenter.choose(matter.code)) host.replace(Route.Submit(draft)) }
    }

    /** From a change of the type Back leads to the report again. */
    override fun onBack(): Boolean {
        if (presenter.chosen == null) {
            presenter.leave()
            if (photos.isNotEmpty()) host.tell(text(R.string.draft_kept))
            return false
        }
        host.replace(Route.Submit(draft))
        return true
    }

    private companion object {
        /** Rows that are looked through; more wait for one more letter. */
        const val SHOWN = 30
    }
}
