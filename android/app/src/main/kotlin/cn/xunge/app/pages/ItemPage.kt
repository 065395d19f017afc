package cn.xunge.app.pages

import android.graphics.drawable.Drawable
import android.view.View
import cn.xunge.app.R
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Field
import cn.xunge.app.kit.Flow
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Shot
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.StateView
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.ZoomPhoto
import cn.xunge.app.kit.show
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Route
import cn.xunge.core.ItemKind
import cn.xunge.core.ItemState
import cn.xunge.core.Withdrawal
import cn.xunge.core.momentWords
import cn.xunge.ids.EntryKey
import cn.xunge.ids.PhotoHash
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/** A photo that is shown over the whole screen; null: it cannot be drawn. */
data class Large(val number: Int, val picture: Drawable?)

/** @param pictures decoded thumbnails; one that is missing cannot be drawn */
data class ItemShown(val view: ItemView, val pictures: Map<PhotoHash, Drawable>, val large: Large? = null)

/** One item: what was said, who holds it, and what can be done about it. */
class ItemPage(host: Host, private val id: EntryKey) : ReadPage<ItemShown>(host, R.string.item_title) {
    private val presenter by lazy { host.session.run { ItemPresenter(handset, id, changes, io) } }
    private val pictures = Thumbnails(context)
    private val large = MutableStateFlow<Large?>(null)
    private var reading = ItemAct.READING

    override fun states() = presenter.states.combine(large) { read, large ->
        Read(read.it?.let { ItemShown(it, drawn(it), large) }, read.why)
    }.flowOn(host.session.io)

    private fun drawn(view: ItemView): Map<PhotoHash, Drawable> = view.shots.mapNotNull { shot ->
        shot.jpeg?.let { pictures.thumbnail(shot.photo, it) }?.let { shot.photo to it }
    }.toMap()

    override fun screen(state: ItemShown): Screen {
        reading = state.view.act
        val large = state.large
        return when {
            large != null -> enlarged(large)
            state.view.act == ItemAct.WITHDRAWING -> withdrawing(state.view)
            else -> read(state)
        }
    }

    /** Only time passed, or a reason is being typed: nothing is built anew. */
    override fun change(screen: Screen, before: ItemShown, state: ItemShown): Boolean {
        if (before.large != state.large || before.view.act != state.view.act) return false
        if (state.large != null || state.view.act == ItemAct.WITHDRAWING) return true
        return before.view.copy(now = state.view.now) == state.view
    }

    override fun onBack(): Boolean {
        if (large.value != null) {
            large.value = null
            return true
        }
        if (reading == ItemAct.WITHDRAWING) {
            presenter.ask(ItemAct.READING)
            return true
        }
        return false
    }

    private fun read(state: ItemShown) = Screen(context).apply {
        val view = state.view
        title(view.row.title(host.lang), host::back)
        column.add(head(view))
        if (view.shots.isNotEmpty()) shots(this, state)
        ItemFacts(context, host.lang).add(column, view)
        versions(view)?.let { column.add(it) }
        foot(this, view)
    }

    /** Where it stands; a return in its colour, with what is still there. */
    private fun head(view: ItemView): View {
        val row = view.row
        val reason = row.reason
        val returned = row.state == ItemState.RETURNED
        val mark = row.mark(host.lang).let { if (returned && reason != null) it.copy(text = reason.words.here()) else it }
        return Card(context, if (returned) Tone.DANGER else null).apply {
            add(StateView(context, size = Size.TITLE)).show(mark)
            val say = when {
                returned && view.item?.reviewReason != null -> text(R.string.item_returned_by, view.item.reviewReason.orEmpty())
                returned -> text(R.string.item_kept)
                row.state == ItemState.LATER -> row.problem?.words?.here()
                view.isDraft -> row.problem?.words?.here() ?: text(R.string.item_draft_kept)
                row.state == ItemState.QUEUED -> text(R.string.item_queued)
                else -> row.missingPhotos(context, host.lang, view.now, view.photosWait)
            }
            add(Label(context)).show(say)
            add(Label(context, Size.CAPTION, R.color.text_muted)).show(row.number?.let { text(R.string.item_number, it) })
        }
    }

    private fun shots(screen: Screen, state: ItemShown) {
        val flow = screen.column.add(Flow(context))
        state.view.shots.forEachIndexed { at, shot ->
            val number = at + 1
            val name = if (shot.sent || state.view.isDraft) text(R.string.photo_number, number) else text(R.string.photo_number_here, number)
            flow.addView(Shot(context, state.pictures[shot.photo], name) { enlarge(number, shot.photo) })
        }
        if (state.view.isDraft) return
        val sent = state.view.shots.count { it.sent }
        screen.column.add(Label(context, Size.CAPTION, R.color.text_muted)).show(text(R.string.photos_sent, state.view.shots.size, sent))
    }

    private fun versions(view: ItemView): View? {
        val versions = view.item?.versions.orEmpty().filter { it.id != view.row.id }
        if (versions.isEmpty()) return null
        return RowCard(context).apply {
            head(text(R.string.item_versions))
            for (row in versions) {
                row(RowModel(momentWords(row.made, view.now), Lead.Small(R.drawable.ic_file), row.mark(host.lang), chevron = true)) { host.go(Route.Item(row.id)) }
            }
        }
    }

    private fun foot(screen: Screen, view: ItemView) {
        val row = view.row
        if (view.isDraft) {
            when (row.kind) {
                ItemKind.Report -> screen.primary(text(R.string.item_go_on), R.drawable.ic_pencil) { host.replace(Route.Submit(row.id)) }
                ItemKind.Activity -> screen.primary(text(R.string.item_go_on), R.drawable.ic_pencil) { host.replace(Route.Activity(row.id)) }
                else -> screen.primary(text(R.string.item_to_tasks), R.drawable.ic_list_check) { host.switch(Place.TASKS) }
            }
            screen.second(text(R.string.item_discard), Tone.DANGER) { presenter.ask(ItemAct.WITHDRAWING) }
            return
        }
        if (view.isMendable) {
            val report = row.kind == ItemKind.Report
            screen.primary(text(if (report) R.string.item_mend else R.string.item_revise), if (report) R.drawable.ic_camera else R.drawable.ic_pencil) { mend(view) }
        }
        if (row.isWithdrawable) screen.second(text(R.string.item_withdraw), Tone.DANGER) { presenter.ask(ItemAct.WITHDRAWING) }
    }

    private fun mend(view: ItemView) {
        if (view.row.kind == ItemKind.Activity) return host.go(Route.ReviseActivity(view.row.record))
        scope.launch { presenter.revise()?.let { host.go(Route.Submit(it)) } }
    }

    private fun withdrawing(view: ItemView) = Screen(context).apply {
        val draft = view.isDraft
        title(text(if (draft) R.string.item_discard else R.string.item_withdraw), host::back)
        column.add(Card(context, Tone.WARNING)).apply {
            add(StateView(context, size = Size.TITLE)).show(Mark(R.drawable.ic_trash, Tone.WARNING, view.row.title(host.lang)))
            add(Label(context)).text = text(if (draft) R.string.discard_says else R.string.withdraw_says)
        }
        val field = if (draft) null else column.add(Field(context, R.id.item_reason, text(R.string.withdraw_reason), text(R.string.withdraw_reason_hint), lines = 2))
        primary(text(if (draft) R.string.item_discard else R.string.withdraw_do), tone = Tone.DANGER) { withdraw(field?.text.orEmpty()) }
        second(text(if (draft) R.string.discard_not else R.string.withdraw_not)) { presenter.ask(ItemAct.READING) }
    }

    private fun withdraw(reason: String) {
        scope.launch { if (presenter.withdraw(reason) == Withdrawal.DraftDiscarded) host.back() }
    }

    private fun enlarge(number: Int, photo: PhotoHash) {
        scope.launch {
            val jpeg = presenter.photo(photo) ?: return@launch
            large.value = Large(number, withContext(host.session.io) { pictures.photo(jpeg) })
        }
    }

    private fun enlarged(large: Large) = Screen(context).apply {
        title(text(R.string.photo_number, large.number), host::back)
        body(ZoomPhoto(context, large.picture, text(R.string.photo_zoom, large.number)))
    }
}
