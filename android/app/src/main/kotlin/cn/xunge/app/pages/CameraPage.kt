package cn.xunge.app.pages

import android.Manifest
import android.app.Activity
import cn.xunge.app.R
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Tone
import cn.xunge.app.platform.Camera
import cn.xunge.app.platform.CameraFault
import cn.xunge.app.platform.CaptureFiles
import cn.xunge.app.platform.Pictures
import cn.xunge.app.platform.Places
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Route
import cn.xunge.app.shell.XungeApp
import cn.xunge.core.HandsetInterface
import cn.xunge.core.PhotoOrigin
import cn.xunge.ids.EntryKey
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.launch

/** The camera (上报：拍照): the first photo begins a report and leads to the types; a further one leads back. */
class CameraPage(
    host: Host,
    private val draft: EntryKey?,
    private val camera: Camera = XungeApp.of(host.context).camera(host.context),
    presented: CameraPresenter? = null,
) : Page<CameraState>(host) {
    private val places = Places(context)
    private val files = CaptureFiles(context)
    private val presenter by lazy { presented ?: host.session.run { presenter(handset, io) } }
    private var view: CameraView? = null

    private fun presenter(handset: HandsetInterface, io: CoroutineDispatcher) = CameraPresenter(
        handset, ReportDrafts(handset, io), draft, places.fixes(), camera, { context.mayUseCamera() }, Pictures::asJpeg, io,
    )

    override suspend fun follow(show: (CameraState) -> Unit) {
        seen()
        presenter.states.collect { show(it) }
    }

    override fun build(state: CameraState): Screen = when (val lens = state.lens) {
        Lens.Opening, is Lens.Ready -> finder(state)
        Lens.Denied -> denied(state)
        is Lens.Failed -> failed(lens.fault, state)
    }.apply {
        // Also after a permission was asked for, after the settings, and after the system's camera.
        addView(Seen(context, ::seen), 0, 0)
    }

    override fun update(screen: Screen, state: CameraState): Boolean {
        val view = view ?: return false
        if (state.lens !is Lens.Ready && state.lens != Lens.Opening) return false
        fill(screen, view, state)
        return true
    }

    override fun onBack(): Boolean {
        if (draft == null && presenter.kept != null) host.tell(text(R.string.draft_kept))
        return false
    }

    override fun onLeave() = presenter.close()

    /** The page is before the person: looks for photos of the system's camera and chosen ones, and opens our camera. */
    private fun seen() {
        scope.launch {
            val chosen = files.chosen(page())
            val kept = when (val arrived = files.arrived(page())) {
                null -> if (chosen.isEmpty()) null else presenter.add(chosen, PhotoOrigin.LIBRARY)
                else -> presenter.add(listOf(arrived), PhotoOrigin.CAMERA)
            }
            if (kept != null) next(kept) else presenter.open()
        }
    }

    override fun onPictures() = seen()

    private fun finder(state: CameraState): Screen = Screen(context).also { screen ->
        screen.named(text(R.string.camera_title))
        val acts = CameraView.Acts(host::back, ::shoot, { presenter.nextFlash() }, ::choose)
        val made = CameraView(context, acts, camera::preview)
        view = made
        screen.body(made)
        fill(screen, made, state)
    }

    private fun fill(screen: Screen, view: CameraView, state: CameraState) {
        problem(screen, state)
        view.show(
            where = state.here.chip(context),
            flashNow = (state.lens as? Lens.Ready)?.takeIf { it.optics.hasFlash }?.let { text(state.flash.word) },
            next = text(if (draft == null) R.string.camera_next else R.string.camera_further),
            busy = when (val busy = state.busy) {
                null -> null
                Busy.Taking -> text(R.string.camera_taking)
                is Busy.Keeping -> if (busy.of == 1) text(R.string.camera_keeping) else text(R.string.camera_keeping_of, busy.number, busy.of)
            },
            optics = (state.lens as? Lens.Ready)?.optics,
        )
    }

    private fun problem(screen: Screen, state: CameraState) {
        val words = when (val problem = state.problem) {
            null -> return screen.banner.hide()
            is PhotoProblem.Refused -> problem.why.words.here()
            PhotoProblem.Format -> text(R.string.photo_format)
            PhotoProblem.NoCamera -> text(R.string.camera_none)
        }
        val full = (state.problem as? PhotoProblem.Refused)?.why?.let(::mends) == Mends.STORAGE
        val kept = state.draft
        val (word, onPress) = when {
            full -> text(R.string.see_storage) to { host.go(Route.Storage) }
            kept != null -> text(R.string.go_on) to { next(kept) }
            else -> null to null
        }
        screen.banner.show(Mark(R.drawable.ic_alert, Tone.WARNING, words), word, onPress)
    }

    private fun denied(state: CameraState): Screen = Screen(context).apply {
        view = null
        title(text(R.string.camera_title), host::back)
        problem(this, state)
        column.add(EmptyState(context, R.drawable.ic_camera, text(R.string.camera_denied), text(R.string.camera_denied_how), Tone.WARNING))
        val rows = column.add(RowCard(context))
        rows.row(RowModel(text(R.string.right_camera), Lead.Small(R.drawable.ic_camera), sub = text(R.string.right_camera_for), badge = right(false)))
        rows.row(RowModel(text(R.string.right_place), Lead.Small(R.drawable.ic_pin), sub = text(R.string.right_place_for), badge = right(places.allowed())))
        primary(text(R.string.go_allow)) { ask() }
        second(text(R.string.camera_gallery)) { choose() }
    }

    private fun right(given: Boolean) =
        if (given) Mark(R.drawable.ic_check, Tone.SUCCESS, text(R.string.right_given)) else Mark(R.drawable.ic_alert, Tone.WARNING, text(R.string.right_missing))

    private fun failed(fault: CameraFault, state: CameraState): Screen = Screen(context).apply {
        view = null
        title(text(R.string.camera_title), host::back)
        problem(this, state)
        val why = when (fault) {
            is CameraFault.Missing -> R.string.camera_fault_missing
            is CameraFault.Taken -> R.string.camera_fault_taken
            is CameraFault.Broken, is CameraFault.Denied -> R.string.camera_fault_broken
        }
        column.add(EmptyState(context, R.drawable.ic_camera, text(R.string.camera_failed), text(why), Tone.WARNING))
        hint(text(R.string.camera_system_hint))
        primary(text(R.string.camera_system), R.drawable.ic_camera) {
            if (!files.askSystemCamera(context as Activity, page())) presenter.noCamera()
        }
        second(text(R.string.camera_gallery)) { choose() }
    }

    private fun ask() = host.askForCamera(listOf(Manifest.permission.ACCESS_FINE_LOCATION), ::seen)

    private fun shoot() {
        scope.launch { presenter.take(files.fresh())?.let(::next) }
    }

    private fun choose() = host.choosePictures(page()) { photos ->
        scope.launch { presenter.add(photos, PhotoOrigin.LIBRARY)?.let(::next) }
    }

    private fun next(kept: EntryKey) = if (draft == null) host.replace(Route.Types(kept)) else host.back()

    /** What the file of the system's camera is named after. */
    private fun page() = draft?.text ?: "new"
}
