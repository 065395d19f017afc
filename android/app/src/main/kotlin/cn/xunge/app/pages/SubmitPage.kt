package cn.xunge.app.pages

import cn.xunge.app.R
import cn.xunge.app.kit.CheckRow
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.Field
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Photo
import cn.xunge.app.kit.QuietButton
import cn.xunge.app.kit.Row
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.StateView
import cn.xunge.app.kit.Tone
import cn.xunge.app.platform.Places
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Route
import cn.xunge.core.Place
import cn.xunge.ids.EntryKey
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.launch

/** A report before it is filed (上报：提交): everything of it, each part with the way to change it. */
internal class SubmitPage(host: Host, private val draft: EntryKey) : Page<SubmitState>(host) {
    private val presenter by lazy {
        host.session.run { SubmitPresenter(handset, ReportDrafts(handset, io), draft, Places(context).fixes(), seconds(), io) }
    }

    /** What is in the fields; null until the draft was read. */
    private var entered: Entered? = null
    private var last: SubmitState? = null
    private var isGone = false
    private lateinit var place: Row
    private lateinit var time: Row

    override suspend fun follow(show: (SubmitState) -> Unit) = presenter.states.collect { show(it) }

    override fun build(state: SubmitState): Screen {
        last = state
        val looked = state.looked
        return if (looked == null) report(state) else photo(looked)
    }

    /** Where and when change by themselves; everything else by a press. */
    override fun update(screen: Screen, state: SubmitState): Boolean {
        val before = last ?: return false
        val same = before.copy(place = state.place, time = state.time, isTimeTrusted = state.isTimeTrusted, content = state.content)
        if (same != state) return false
        last = state
        if (state.looked != null) return true
        place.bind(placeModel(state))
        time.bind(timeModel(state))
        screen.hint(missing(state))
        return true
    }

    private fun report(state: SubmitState): Screen = Screen(context).apply {
        val now = entered ?: state.content.run { Entered(text, address, selfHandled) }
        entered = now
        title(state.matter?.name(host.lang) ?: text(R.string.submit_no_type), host::back, type(state))
        val (mends, why) = state.refused ?: (Mends.NOTHING to null)
        val atPhotos = why != null && mends == Mends.PHOTOS
        val shots = column.add(Column(context, gap = 0))
        fun photos(handled: Boolean) {
            val label = { at: Int, shot: DraftShot -> if (handled) text(if (shot.isAfter(at)) R.string.shot_after else R.string.shot_before) else null }
            val row = ShotRow(context, { at, shot, _ -> look(shot, at) }, { host.go(Route.Camera(draft)) }, R.drawable.ic_plus, if (atPhotos) Tone.DANGER else Tone.NEUTRAL, label)
            shots.removeAllViews()
            shots.add(row.view)
            row.show(state.photos)
            if (handled && state.photos.isNotEmpty()) shots.add(Label(context, Size.CAPTION, R.color.text_muted)).text = text(R.string.shot_hint)
        }
        photos(now.selfHandled)
        if (why != null && atPhotos) column.add(StateView(context, Mark(R.drawable.ic_alert, Tone.DANGER, why.words.here())))
        if (why != null && !atPhotos) refuse(mends, Mark(R.drawable.ic_alert, Tone.WARNING, why.words.here()))
        val facts = column.add(RowCard(context))
        place = facts.row(placeModel(state)) { host.go(Route.PlaceOf(draft)) }
        time = facts.row(timeModel(state))
        val words = column.add(Field(context, R.id.report_text, null, text(R.string.submit_text), lines = 2))
        words.text = now.text
        words.onTyped { typed -> enter { it.copy(text = typed) } }
        val address = column.add(Field(context, R.id.report_address, null, text(R.string.submit_address)))
        address.text = now.address
        address.onTyped { typed ->
            enter { it.copy(address = typed) }
            last?.let { place.bind(placeModel(it)) }
        }
        column.add(CheckRow(context, text(R.string.submit_handled), on = now.selfHandled) { on ->
            enter { it.copy(selfHandled = on) }
            photos(on)
            hint(missing(state))
        })
        val send = primary(text(if (state.isBusy) R.string.submit_busy else R.string.submit), R.drawable.ic_send) { submit() }
        if (state.isBusy) notYet(send, text(R.string.submit_busy)) else hint(missing(state))
    }

    private fun type(state: SubmitState) =
        QuietButton(context, text(if (state.matter == null) R.string.submit_choose_type else R.string.submit_type)) { host.replace(Route.Types(draft)) }

    /** A refusal that is not about the photos, with the way to what mends it. */
    private fun Screen.refuse(mends: Mends, mark: Mark) = when (mends) {
        Mends.STORAGE -> banner.show(mark, text(R.string.see_storage)) { host.go(Route.Storage) }
        Mends.TYPE -> banner.show(mark, text(R.string.submit_type)) { host.replace(Route.Types(draft)) }
        Mends.PLACE -> banner.show(mark, text(R.string.change)) { host.go(Route.PlaceOf(draft)) }
        Mends.PHOTOS, Mends.NOTHING -> banner.show(mark)
    }

    private fun enter(change: (Entered) -> Entered) {
        entered = entered?.let(change)
    }

    private fun placeModel(state: SubmitState): RowModel {
        val cell = state.place.cell
        val address = entered?.address?.trim().orEmpty()
        val name = cell?.let { text(R.string.cell_name, it.cell.short()) }
        val exact = when {
            cell?.isChosen == true || state.place.isByHand -> text(R.string.place_by_hand)
            else -> state.place.fix?.line?.here() ?: state.place.accuracyCm?.let { accuracyWords(context, it) }
        }
        val doubt = state.place.fix?.doubt(context)
        val title = address.ifEmpty { null } ?: name ?: unknown(state)
        val below = if (address.isEmpty()) listOf(cell?.cell?.community ?: cell?.cell?.street, exact) else listOf(name ?: unknown(state), exact)
        return RowModel(
            title = title,
            lead = Lead.Small(if (cell == null) R.drawable.ic_crosshair else R.drawable.ic_pin),
            state = doubt?.let { Mark(R.drawable.ic_alert, Tone.WARNING, it) },
            sub = below.filterNotNull().joinToString(" · ").ifEmpty { null },
            action = text(R.string.change),
        )
    }

    private fun unknown(state: SubmitState): String = when (state.place.place) {
        Place.NoGrid -> text(R.string.place_no_grid)
        is Place.Outside -> text(R.string.place_outside)
        is Place.In, null -> text(R.string.place_seeking)
    }

    /** What is better not missing; the report can be filed without it. */
    private fun missing(state: SubmitState): String? = when {
        state.place.cell == null && state.place.place != Place.NoGrid -> text(R.string.submit_no_cell)
        entered?.selfHandled == true && state.photos.indices.none { state.photos[it].isAfter(it) } -> text(R.string.submit_no_after)
        else -> null
    }

    private fun timeModel(state: SubmitState) = RowModel(
        title = state.time,
        lead = Lead.Small(R.drawable.ic_clock),
        sub = text(if (state.isTimeTrusted) R.string.time_trusted else R.string.time_own),
    )

    private fun photo(looked: LookedAt): Screen = Screen(context).apply {
        val name = text(R.string.photo_number, looked.number)
        title(name, { presenter.lookAway() })
        column.add(Photo(context, drawn(context, looked.picture.jpeg, WHOLE), name))
        if (entered?.selfHandled == true) {
            column.add(CheckRow(context, text(R.string.photo_is_after), on = looked.isAfter) { on -> scope.launch { presenter.after(looked.picture.of, on) } })
        }
        second(text(R.string.photo_remove), Tone.DANGER) { scope.launch { presenter.removePhoto(looked.picture.of) } }
    }

    private fun look(photo: DraftShot, at: Int) {
        scope.launch { presenter.look(photo, at) }
    }

    private fun submit() {
        val now = entered ?: return
        scope.launch { presenter.submit(now)?.let { host.replace(Route.Sent(it)) } }
    }

    override fun onBack(): Boolean {
        if (last?.looked == null) {
            isGone = true
            last?.let { if (holds(it)) host.tell(text(R.string.draft_kept)) }
            return false
        }
        presenter.lookAway()
        return true
    }

    /** Something of it is worth keeping; what is empty goes with the page. */
    private fun holds(state: SubmitState) =
        state.photos.isNotEmpty() || state.matter != null || entered?.run { text.isNotBlank() || address.isNotBlank() } == true

    override fun onLeave() {
        entered?.let { presenter.leave(it) }
        if (isGone) presenter.gone()
    }

    private companion object {
        /** Pixels of a photo that fills the screen. */
        const val WHOLE = 1600
        const val TICK_MS = 5_000L

        fun seconds(): Flow<Unit> = flow {
            while (true) {
                emit(Unit)
                delay(TICK_MS)
            }
        }
    }
}
