package cn.xunge.app.pages

import android.view.View
import cn.xunge.app.R
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Meter
import cn.xunge.app.kit.Part
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.State
import cn.xunge.app.kit.StateView
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.mark
import cn.xunge.app.shell.Host
import cn.xunge.client.exportParcels
import cn.xunge.core.ExportStep
import cn.xunge.core.Exported
import cn.xunge.core.HandsetInterface
import cn.xunge.core.ScreenChanges
import cn.xunge.core.Today
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import java.io.File
import java.time.Instant
import java.time.ZoneId
import java.time.format.DateTimeFormatter

/** How far an export is: [step] while it runs, [exported] with [file] when it is done. */
data class Sealing(val running: Boolean = false, val step: ExportStep? = null, val exported: Exported? = null, val file: String? = null)

/** 封存导出. */
data class ExportState(val today: Today, val sealing: Sealing = Sealing())

/** @param folder where the file goes; made when it is not there */
class ExportPresenter(private val handset: HandsetInterface, changes: Flow<ScreenChanges>, private val folder: File, io: CoroutineDispatcher) {
    private val reader = Reader(io)
    private val sealing = MutableStateFlow(Sealing())

    val states: Flow<Read<ExportState>> = reader.states(changes) { ExportState(handset.today()) }
        .combine(sealing) { read, sealing -> read.copy(it = read.it?.copy(sealing = sealing)) }

    /** Seals everything that waits into a new file; a cancelled or failed export leaves none. */
    suspend fun export() {
        sealing.value = Sealing(running = true)
        var file: File? = null
        try {
            val exported = reader.call {
                folder.mkdirs()
                val target = File(folder, "xunge-${NAME.format(Instant.ofEpochMilli(handset.today().now.millis))}.xgp").also { file = it }
                handset.exportParcels(target.path) { step -> sealing.update { it.copy(step = step) } }
            }
            sealing.value = Sealing(exported = exported, file = exported?.let { file?.path })
        } finally {
            if (sealing.value.exported == null) {
                file?.delete()
                sealing.value = Sealing()
            }
        }
    }

    private companion object {
        val NAME: DateTimeFormatter = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneId.of("Asia/Shanghai"))
    }
}

/** 封存导出: what waits goes into a file that only the centre can open, for handsets that long have no network. */
class ExportPage(host: Host) : ReadPage<ExportState>(host, R.string.export_title) {
    private val presenter by lazy {
        val folder = context.getExternalFilesDir("export") ?: File(context.filesDir, "export")
        host.session.run { ExportPresenter(handset, changes, folder, io) }
    }
    private var export: Job? = null

    override fun states() = presenter.states

    override fun screen(state: ExportState): Screen = Screen(context).apply {
        val sealing = state.sealing
        title(text(R.string.export_title), host::back)
        val exported = sealing.exported
        when {
            exported != null -> {
                column.add(Card(context, Tone.SUCCESS)).apply {
                    add(StateView(context, size = Size.TITLE)).show(State.SEALED.mark(context).copy(icon = R.drawable.ic_lock, tone = Tone.SUCCESS, text = text(R.string.export_done)))
                    add(Label(context)).text = text(R.string.export_done_sub)
                }
                column.add(holds(exported))
                column.add(RowCard(context)).row(RowModel(File(sealing.file.orEmpty()).name, Lead.Small(R.drawable.ic_file), sub = sealing.file))
            }
            else -> {
                column.add(Card(context, gap = 8)).apply {
                    add(Label(context)).text = text(R.string.export_says)
                    if (sealing.running) progress(this, sealing.step)
                }
                column.add(RowCard(context)).apply {
                    row(RowModel(text(R.string.waiting_items, state.today.itemsWaiting.toInt()), Lead.Small(R.drawable.ic_clock), sub = text(R.string.waiting_photos, state.today.photosWaiting.toInt())))
                    if (state.today.drafts > 0u) row(RowModel(text(R.string.drafts_kept, state.today.drafts.toInt()), Lead.Small(R.drawable.ic_pencil)))
                }
            }
        }
        if (sealing.running) {
            second(text(R.string.export_cancel), Tone.DANGER) { export?.cancel() }
        } else {
            val start = primary(text(if (exported == null) R.string.export_start else R.string.export_again), R.drawable.ic_lock) { start() }
            val nothing = state.today.run { itemsWaiting + photosWaiting + drafts } == 0u
            if (nothing) notYet(start, text(R.string.export_nothing))
        }
    }

    private fun progress(card: Card, step: ExportStep?) {
        val sealed = step?.sealed?.let { it.entries + it.drafts + it.photos } ?: 0UL
        val all = sealed + (step?.left ?: 0UL)
        val share = if (all == 0UL) 0f else (sealed.toDouble() / all.toDouble()).toFloat()
        card.add(Meter(context, Part(share, Tone.INFO)))
        card.add(Label(context, Size.CAPTION, R.color.text_muted)).text =
            if (step == null) text(R.string.export_begins) else text(R.string.export_progress, sealed.toInt(), all.toInt())
    }

    private fun holds(exported: Exported): View = RowCard(context).apply {
        head(this@ExportPage.text(R.string.export_holds))
        val parts = listOf(
            R.string.export_entries to exported.entries,
            R.string.waiting_photos to exported.photos,
            R.string.drafts_kept to exported.drafts,
        )
        row(RowModel(parts.joinToString(" · ") { (words, number) -> this@ExportPage.text(words, number.toInt()) }, Lead.Small(R.drawable.ic_list)))
        if (exported.photosMissing > 0UL) {
            row(RowModel(this@ExportPage.text(R.string.export_missing, exported.photosMissing.toInt()), Lead.Small(R.drawable.ic_alert, Tone.WARNING.color)))
        }
    }

    private fun start() {
        if (export?.isActive == true) return
        export = scope.launch { presenter.export() }
    }
}
