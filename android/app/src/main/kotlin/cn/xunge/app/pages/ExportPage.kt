package cn.xunge.app.pages

import android.view.View
import cn.xunge.app.R
import cn.xunge.app.count
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Meter
import cn.xunge.app.kit.Part
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.StateView
import cn.xunge.app.kit.Tone
import cn.xunge.app.platform.drop
import cn.xunge.app.platform.nameOf
import cn.xunge.app.platform.placeOf
import cn.xunge.app.shell.Host
import cn.xunge.core.ExportStep
import cn.xunge.core.Exported
import cn.xunge.core.HandsetInterface
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import java.io.File

/** 封存导出: what waits goes into a file that only the centre can open, for handsets that long have no network. */
class ExportPage(host: Host) : ReadPage<ExportState>(host, R.string.export_title) {
    private val exporting by lazy { Exporting.of(host, context.getExternalFilesDir("export") ?: File(context.filesDir, "export")) }

    override fun states() = exporting.presenter.states

    override fun onBack(): Boolean {
        Exporting.seen()
        return false
    }

    override fun screen(state: ExportState): Screen = Screen(context).apply {
        val sealing = state.sealing
        title(text(R.string.export_title), host::back)
        val exported = sealing.exported
        when {
            exported != null -> {
                column.add(placed(sealing.placed))
                column.add(holds(exported))
                file(sealing)?.let { column.add(RowCard(context)).row(it) }
            }
            else -> {
                column.add(Card(context, gap = 8)).apply {
                    add(Label(context)).text = text(R.string.export_says)
                    if (sealing.running) progress(this, sealing.step)
                }
                column.add(RowCard(context)).apply {
                    row(RowModel(text(R.string.waiting_items, state.today.itemsWaiting.toInt()), Lead.Small(R.drawable.ic_clock), sub = context.count(R.plurals.waiting_photos, state.today.photosWaiting.toInt())))
                    if (state.today.drafts > 0u) row(RowModel(context.count(R.plurals.drafts_kept, state.today.drafts.toInt()), Lead.Small(R.drawable.ic_pencil)))
                }
            }
        }
        when {
            sealing.running -> second(text(R.string.export_cancel), Tone.DANGER) { exporting.job?.cancel() }
            sealing.placed is Placed.Copying -> second(text(R.string.stop), Tone.DANGER) { exporting.job?.cancel() }
            exported != null && sealing.placed !is Placed.There && sealing.placed != Placed.ByCable -> {
                primary(text(R.string.export_place), R.drawable.ic_drive) { choose(File(sealing.file.orEmpty()).name) }
            }
            else -> {
                val start = primary(text(if (exported == null) R.string.export_start else R.string.export_again), R.drawable.ic_lock) { start() }
                val nothing = state.today.run { itemsWaiting + photosWaiting + drafts } == 0u
                if (nothing) notYet(start, text(R.string.export_nothing))
            }
        }
    }

    private fun placed(placed: Placed): View {
        val (mark, words) = when (placed) {
            Placed.ByCable -> sealed(Tone.INFO, R.string.export_done) to R.string.export_by_cable
            Placed.Here -> sealed(Tone.INFO, R.string.export_done) to R.string.export_where
            is Placed.Copying -> sealed(Tone.INFO, R.string.export_copying) to R.string.export_copying_sub
            is Placed.There -> sealed(Tone.SUCCESS, R.string.export_placed) to R.string.export_done_sub
            Placed.Failed -> Mark(R.drawable.ic_alert, Tone.WARNING, text(R.string.export_failed)) to R.string.export_failed_sub
        }
        return Card(context, mark.tone, gap = 8).apply {
            add(StateView(context, size = Size.TITLE)).show(mark)
            add(Label(context)).text = this@ExportPage.text(words)
            if (placed is Placed.Copying) add(Meter(context, Part(if (placed.size == 0L) 0f else placed.done.toFloat() / placed.size, Tone.INFO)))
        }
    }

    private fun sealed(tone: Tone, words: Int) = Mark(R.drawable.ic_lock, tone, text(words))

    /** The file by its name, and where it is in the phone's own words. Only a cable needs a path. */
    private fun file(sealing: Sealing): RowModel? {
        val own = File(sealing.file.orEmpty())
        return when (val placed = sealing.placed) {
            is Placed.There -> RowModel(placed.name, Lead.Small(R.drawable.ic_file), sub = placed.where?.let { text(R.string.export_there, it) })
            is Placed.Copying -> null
            Placed.ByCable -> RowModel(own.name, Lead.Small(R.drawable.ic_file), sub = own.parent)
            Placed.Here, Placed.Failed -> RowModel(own.name, Lead.Small(R.drawable.ic_file), sub = text(R.string.export_here))
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
            R.plurals.export_entries to exported.entries,
            R.plurals.waiting_photos to exported.photos,
            R.plurals.drafts_kept to exported.drafts,
        )
        row(RowModel(parts.joinToString(" · ") { (words, number) -> context.count(words, number.toInt()) }, Lead.Small(R.drawable.ic_list)))
        if (exported.photosMissing > 0UL) {
            row(RowModel(context.count(R.plurals.export_missing, exported.photosMissing.toInt()), Lead.Small(R.drawable.ic_alert, Tone.WARNING.color)))
        }
    }

    private fun start() {
        if (exporting.job?.isActive == true) return
        exporting.run {
            val name = presenter.export() ?: return@run
            // A page that was left meanwhile asks nothing; the file waits for its return.
            withContext(Dispatchers.Main) { if (this@ExportPage.scope.isActive) choose(name) }
        }
    }

    /** The person decides where it goes. Without a chooser the file stays where a cable finds it, and the page says where. */
    private fun choose(name: String) {
        val exporting = exporting
        val app = context.applicationContext
        val asked = host.createFile(name) { chosen ->
            if (chosen != null) exporting.run { 
                presenter.place(app.nameOf(chosen) ?: name, { app.contentResolver?.openOutputStream(chosen, "wt") }, { app.drop(chosen) }, app.placeOf(chosen))
             }
        }
        if (!asked) exporting.presenter.stays()
    }
}

/** The export of this process: it goes on when its page is left, and a page that is made again finds it. */
internal class Exporting private constructor(private val handset: HandsetInterface, val presenter: ExportPresenter) {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    /** What runs now. */
    var job: Job? = null
        private set

    fun run(work: suspend Exporting.() -> Unit) {
        job = scope.launch { work() }
    }

    companion object {
        private var current: Exporting? = null

        fun of(host: Host, folder: File): Exporting = host.session.run {
            current?.takeIf { it.handset === handset } ?: Exporting(handset, ExportPresenter(handset, changes, folder, io)).also { current = it }
        }

        /** The person has seen the end: the next export begins with what waits then. */
        fun seen() {
            if (current?.presenter?.isOver == true) current = null
        }
    }
}
