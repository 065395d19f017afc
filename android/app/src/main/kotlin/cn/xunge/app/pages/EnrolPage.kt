package cn.xunge.app.pages

import android.Manifest
import android.content.ClipboardManager
import android.text.InputType
import cn.xunge.app.R
import cn.xunge.app.kit.Caption
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Field
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Meter
import cn.xunge.app.kit.OutlineButton
import cn.xunge.app.kit.Part
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.State
import cn.xunge.app.kit.StateView
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.show
import cn.xunge.app.platform.Camera
import cn.xunge.app.platform.CameraFault
import cn.xunge.app.platform.CaptureFiles
import cn.xunge.app.platform.QrReader
import cn.xunge.app.service
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Opened
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.XungeApp
import cn.xunge.core.ProblemClass
import cn.xunge.core.Why
import cn.xunge.core.sizeWords
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.launch
import java.io.File

/**
 * The first start, and one more user: the invitation, what it says, the enrolment, the first sync.
 *
 * @param isFirst nobody is enrolled, so there is no page to go back to
 */
internal class EnrolPage(
    host: Host,
    private val isFirst: Boolean = host.session.opened.value !is Opened.Ready,
    private val camera: Camera = XungeApp.of(host.context).camera(host.context),
) : Page<EnrolState>(host) {
    private val presenter by lazy { Enrolling.of(host) }
    private var field: Field? = null
    private var progress: Pair<Label, Meter>? = null
    private val scanner by lazy { Scanner(camera, context::mayUseCamera) }
    private var scan: ScanScreen? = null

    override suspend fun follow(show: (EnrolState) -> Unit) = coroutineScope {
        onPictures()
        launch { presenter.states.map { it.isScanning }.distinctUntilChanged().collect { if (it) look() else scanner.close() } }
        combine(presenter.states, scanner.states) { state, scan -> if (state is EnrolState.Asking) state.copy(scan = scan) else state }.collect { state ->
            if (state == EnrolState.Done) {
                Enrolling.end()
                return@collect host.switch(Place.TODAY)
            }
            show(state)
        }
    }

    private val EnrolState.isScanning get() = this is EnrolState.Asking && way == Way.SCAN

    override fun build(state: EnrolState): Screen = when (state) {
        is EnrolState.Asking -> if (state.way == Way.SCAN) scanning(state) else asking(state)
        is EnrolState.Preview -> preview(state)
        is EnrolState.Enrolling -> working(state)
        is EnrolState.Fetching -> fetching(state)
        EnrolState.Done -> Screen(context)
    }

    private fun asking(state: EnrolState.Asking) = Screen(context).apply {
        title(text(if (isFirst) R.string.enrol_title else R.string.enrol_another), if (isFirst) null else ({ host.back() }))
        problem(state.problem)?.let { banner.show(it) }
        if (state.way == Way.TYPE) {
            column.add(Label(context)).text = text(R.string.enrol_type_hint)
            field = column.add(Field(context, R.id.enrol_code, text(R.string.enrol_code), text(R.string.enrol_code_hint), lines = 3)).apply {
                this.text = state.typed
                edit.inputType = edit.inputType or InputType.TYPE_TEXT_FLAG_NO_SUGGESTIONS
            }
            column.add(OutlineButton(context, text(R.string.enrol_paste)) { paste() })
            primary(text(R.string.enrol_read)) { read() }
            second(text(R.string.enrol_by_code)) { typed(); presenter.by(Way.START) }
        } else {
            field = null
            column.add(EmptyState(context, R.drawable.ic_qr, text(R.string.enrol_headline), text(R.string.enrol_why)))
            column.add(choice(state))
            column.add(RowCard(context)).apply {
                row(RowModel(text(R.string.enrol_once), Lead.Small(R.drawable.ic_key), sub = text(R.string.enrol_once_hint)))
                row(RowModel(text(R.string.enrol_net), Lead.Small(R.drawable.ic_wifi), sub = text(R.string.enrol_net_hint)))
                row(RowModel(text(R.string.enrol_camera), Lead.Small(R.drawable.ic_camera), sub = text(R.string.enrol_camera_hint)))
            }
            primary(text(R.string.enrol_scan), R.drawable.ic_qr) { host.permit(listOf(Manifest.permission.CAMERA)) { presenter.by(Way.SCAN) } }
            second(text(R.string.enrol_type)) { presenter.by(Way.TYPE) }
        }
    }

    private fun choice(state: EnrolState.Asking) = OutlineButton(context, text(R.string.enrol_choose), R.drawable.ic_image) { choose() }.apply {
        if (state.reading) notYet(this@EnrolPage.text(R.string.enrol_reading))
    }

    private fun scanning(state: EnrolState.Asking): Screen = when (state.scan.lens) {
        Lens.Opening, is Lens.Ready -> ScanScreen(context, ScanScreen.Acts({ presenter.by(Way.START) }, ::turnLight, { presenter.by(Way.TYPE) }, ::choose), camera::preview)
            .also { scan = it; fill(it, state) }.screen
        Lens.Denied, is Lens.Failed -> noCamera(state)
    }.apply {
        // Also after the permission was asked for, after the settings, and after the chooser of pictures.
        addView(Seen(context) { scope.launch { look() } }, 0, 0)
    }

    private fun fill(onto: ScanScreen, state: EnrolState.Asking) = onto.show(state.scan, state.reading, problem(state.problem))

    private fun turnLight() = scanner.light(!scanner.states.value.isLit)

    private suspend fun look() {
        if (presenter.states.value.isScanning) scanner.open { text -> scope.launch { presenter.take(text) } }
    }

    private fun noCamera(state: EnrolState.Asking) = Screen(context).apply {
        scan = null
        title(text(R.string.enrol_scan), { presenter.by(Way.START) })
        problem(state.problem)?.let { banner.show(it) }
        val fault = (state.scan.lens as? Lens.Failed)?.fault
        val (what, how) = when (fault) {
            null, is CameraFault.Denied -> R.string.camera_denied to R.string.scan_denied_how
            is CameraFault.Missing -> R.string.camera_failed to R.string.scan_missing_how
            is CameraFault.Taken -> R.string.camera_failed to R.string.scan_taken_how
            is CameraFault.Broken -> R.string.camera_failed to R.string.scan_broken_how
        }
        column.add(EmptyState(context, R.drawable.ic_camera, text(what), text(how), Tone.WARNING))
        column.add(choice(state))
        when (fault) {
            null, is CameraFault.Denied -> primary(text(R.string.go_allow)) { host.askForCamera { scope.launch { look() } } }
            is CameraFault.Missing -> Unit
            else -> primary(text(R.string.scan_again), R.drawable.ic_refresh) { scope.launch { look() } }
        }
        second(text(R.string.enrol_type)) { presenter.by(Way.TYPE) }
    }

    private fun choose() = host.choosePictures(CHOOSES, ::picture)

    override fun onPictures() = picture(CaptureFiles(context).chosen(CHOOSES))

    private fun picture(files: List<File>) {
        files.drop(1).forEach { it.delete() }
        val file = files.firstOrNull() ?: return
        presenter.picture {
            try {
                QrReader.read(file)
            } finally {
                file.delete()
            }
        }
    }

    private fun paste() {
        val clip = context.service<ClipboardManager>().primaryClip?.takeIf { it.itemCount > 0 } ?: return
        field?.text = clip.getItemAt(0).coerceToText(context).toString().trim()
    }

    private fun read() {
        typed()
        scope.launch { presenter.take(field?.text.orEmpty()) }
    }

    private fun typed() {
        field?.let { presenter.typed(it.text) }
    }

    private fun problem(problem: Problem?): Mark? = when (problem) {
        null -> null
        Problem.NoCode -> Mark(R.drawable.ic_alert, Tone.WARNING, text(R.string.enrol_no_code))
        is Problem.Refused -> Mark(R.drawable.ic_alert, Tone.WARNING, problem.why.words.here())
    }

    private fun preview(state: EnrolState.Preview) = Screen(context).apply {
        title(text(R.string.enrol_check), { presenter.again() })
        state.why?.let { why ->
            column.add(failed(why))
            state.seen.contact?.let { column.add(callCard(context, it)) }
        }
        facts(this, state.seen.server, state.seen.isPinned, state.seen.code)
        column.add(Caption(context)).text = text(R.string.enrol_later_known)
        primary(text(if (state.why == null) R.string.enrol_start else R.string.enrol_repeat)) { presenter.enrol() }
        second(text(R.string.enrol_other)) { presenter.again() }
    }

    /** Why it failed, in the core's words, and what one can do. */
    private fun failed(why: Why) = Card(context, Tone.WARNING).apply {
        add(StateView(context, size = Size.TITLE)).show(Mark(R.drawable.ic_alert, Tone.WARNING, text(R.string.enrol_failed)))
        add(Label(context)).text = why.words.here()
        val next = when (why.kind) {
            ProblemClass.NETWORK, ProblemClass.RETRY_LATER, ProblemClass.WAITING -> R.string.enrol_do_repeat
            else -> R.string.enrol_do_other
        }
        add(Label(context)).text = text(next)
        add(Label(context, Size.CAPTION, R.color.text_muted)).text = why.code
    }

    private fun facts(screen: Screen, server: String, isPinned: Boolean, code: String) = screen.column.add(RowCard(context)).apply {
        val pin = if (isPinned) {
            Mark(State.DEV_OK.icon, Tone.SUCCESS, text(R.string.enrol_pinned))
        } else {
            Mark(R.drawable.ic_info, Tone.NEUTRAL, text(R.string.enrol_not_pinned))
        }
        row(RowModel(server, Lead.Small(R.drawable.ic_globe), state = pin, sub = text(if (isPinned) R.string.enrol_pinned_hint else R.string.enrol_not_pinned_hint)))
        row(RowModel(code, Lead.Small(R.drawable.ic_key), sub = text(R.string.enrol_code_once)))
    }

    private fun working(state: EnrolState.Enrolling) = Screen(context).apply {
        title(text(R.string.enrol_working))
        column.add(EmptyState(context, R.drawable.ic_shield_check, text(R.string.enrol_connecting), text(R.string.enrol_connecting_hint), Tone.INFO))
        facts(this, state.seen.server, state.seen.isPinned, state.seen.code)
        second(text(R.string.enrol_cancel)) { presenter.cancel() }
    }

    private fun fetching(state: EnrolState.Fetching) = Screen(context).apply {
        title(text(R.string.enrol_done))
        column.add(EmptyState(context, R.drawable.ic_check_circle, state.holder.ifEmpty { text(R.string.enrol_done) }, state.post ?: text(R.string.enrol_post_comes), Tone.SUCCESS))
        val card = column.add(Card(context, gap = 8))
        progress = fill(card)
        fill(state)
        hint(text(R.string.enrol_fetch_hint))
        second(text(R.string.enrol_use_now)) { presenter.cancel() }
    }

    private fun fill(card: Column): Pair<Label, Meter> {
        card.add(Label(context, bold = true)).text = text(R.string.enrol_fetching)
        return card.add(Label(context, Size.CAPTION, R.color.text_muted)) to card.add(Meter(context))
    }

    private fun fill(state: EnrolState.Fetching) {
        val (words, meter) = progress ?: return
        val (line, share) = when (val step = state.step) {
            FetchStep.Connecting -> text(R.string.enrol_step_connecting) to 0f
            FetchStep.Connected -> text(R.string.enrol_step_connected) to 0f
            is FetchStep.Later -> step.why.words.here() to 0f
            is FetchStep.File -> text(R.string.enrol_step_file, sizeWords(step.have.toULong()), sizeWords(step.size.toULong())) to
                if (step.size > 0) step.have.toFloat() / step.size else 0f
        }
        words.show(line)
        meter.show(listOf(Part(share, Tone.INFO)))
    }

    override fun update(screen: Screen, state: EnrolState): Boolean {
        if (state is EnrolState.Fetching && progress != null) {
            fill(state)
            return true
        }
        if (state !is EnrolState.Asking) return false
        val scan = scan
        if (state.way == Way.SCAN && scan?.screen === screen && (state.scan.lens is Lens.Ready || state.scan.lens == Lens.Opening)) {
            fill(scan, state)
            return true
        }
        // The field keeps what is typed and its keyboard.
        if (state.way != Way.TYPE || field == null) return false
        val mark = problem(state.problem)
        if (mark == null) screen.banner.hide() else screen.banner.show(mark)
        return true
    }

    override fun onBack(): Boolean = when (val state = presenter.states.value) {
        is EnrolState.Asking -> if (state.way == Way.START) false.also { Enrolling.end() } else true.also { presenter.by(Way.START) }
        is EnrolState.Preview -> true.also { presenter.again() }
        is EnrolState.Enrolling -> true.also { presenter.cancel() }
        is EnrolState.Fetching -> true
        EnrolState.Done -> false.also { Enrolling.end() }
    }

    override fun onLeave() {
        typed()
        scanner.close()
    }

    private companion object {
        /** What a chosen picture is kept for while the page is not there. */
        const val CHOOSES = "enrol"
    }
}

/** The enrolment of this process. The page is made again when the phone is turned; a call to the server must not end with it. */
internal object Enrolling {
    private var current: EnrolPresenter? = null

    fun of(host: Host): EnrolPresenter = current?.takeIf { it.states.value != EnrolState.Done } ?: host.session.run {
        val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
        EnrolPresenter(phone, device, scope, io) { replace(it) }
    }.also { current = it }

    fun end() {
        current = null
    }
}
