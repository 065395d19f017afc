package cn.xunge.app.pages

import android.graphics.Rect
import cn.xunge.app.R
import cn.xunge.app.count
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.State
import cn.xunge.app.kit.StateView
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.mark
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Route
import kotlinx.coroutines.launch

/** The form of an activity record (记一场活动). */
internal class ActivityPage(host: Host, private val of: RecordOf, taker: PhotoTaker = OwnCamera(host, of.page) { host.context.getString(R.string.activity_title) }) : Page<RecordState>(host) {
    private val presenter by lazy { ActivityPresenter(host.session.handset, of, host.session.io) }
    private var form: ActivityForm? = null
    private var built: RecordState.Open? = null
    private var isOpen = false
    private val photos = DraftPhotos(host, ::presenter, taker, ::scope)

    override suspend fun follow(show: (RecordState) -> Unit) = presenter.states.collect { state ->
        if (state is RecordState.Begun) return@collect host.replace(Route.Activity(state.id))
        if (state is RecordState.Open) {
            photos.locate()
            if (!isOpen) photos.collect()
            isOpen = true
        }
        show(state)
    }

    override fun build(state: RecordState): Screen = when (state) {
        is RecordState.Open -> open(state)
        is RecordState.Refused -> nothing(state.why.words.here(), state.why.code)
        is RecordState.Begun -> nothing(text(R.string.activity_new), "")
    }

    private fun nothing(headline: String, words: String) = Screen(context).apply {
        title(text(R.string.activity_title), { host.back() })
        column.add(EmptyState(context, R.drawable.ic_calendar, headline, words))
    }

    private fun open(state: RecordState.Open) = Screen(context).apply {
        val badge = if (state.returned == null) State.DRAFT.mark(context) else State.MONTH_RETURNED.mark(context)
        title(text(if (state.returned == null) R.string.activity_new else R.string.activity_revise), { host.back() }, StateView(context, badge, badge = true))
        state.returned?.let { reason ->
            column.add(Card(context, Tone.DANGER)).apply {
                add(StateView(context, size = Size.TITLE)).show(Mark(R.drawable.ic_undo, Tone.DANGER, text(R.string.activity_returned)))
                add(Label(context)).text = reason.here()
                add(Label(context, Size.CAPTION, R.color.text_muted)).text = text(R.string.activity_kept)
            }
        }
        if (state.photosLeftOut > 0) {
            column.add(Label(context, Size.CAPTION, R.color.warning, bold = true)).text = context.count(R.plurals.photos_left_out, state.photosLeftOut)
        }
        val form = ActivityForm(context, column, state.content, { edit -> presenter.change(edit) }, photos::press, photos::take)
        this@ActivityPage.form = form
        val send = primary(text(R.string.activity_submit), R.drawable.ic_send) { photos.file(::submit) }
        if (state.work.busy) notYet(send, text(R.string.answer_busy))
        built = state
        form.show(state, fault(state))
        problem(state)
    }

    override fun update(screen: Screen, state: RecordState): Boolean {
        val before = built
        if (state !is RecordState.Open || before == null || state.work.busy != before.work.busy) return false
        form?.show(state, fault(state))
        screen.problem(state)
        return true
    }

    /** A refusal stands at its field, and where it belongs to none, in the banner. */
    private fun fault(state: RecordState.Open): Pair<RecordField, String>? {
        val why = state.work.problem ?: return null
        return state.fault?.let { it to why.words.here() }
    }

    private fun Screen.problem(state: RecordState.Open) {
        val why = state.work.problem?.takeIf { state.fault == null }
        if (why == null) banner.hide() else banner.show(Mark(R.drawable.ic_alert, Tone.WARNING, why.words.here()))
        val field = state.fault?.let { form?.view(it) } ?: return
        post { field.requestRectangleOnScreen(Rect(0, 0, field.width, field.height), false) }
    }

    private fun submit() {
        scope.launch { presenter.submit()?.let { host.replace(Route.Sent(it.item)) } }
    }

    override fun onBack(): Boolean {
        if (presenter.giveUp()) host.tell(text(R.string.draft_kept))
        return false
    }

    override fun onPictures() = photos.collect()

    override fun onLeave() = presenter.leave()
}
