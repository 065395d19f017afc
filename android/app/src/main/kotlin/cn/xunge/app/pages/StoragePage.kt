package cn.xunge.app.pages

import android.content.Intent
import android.provider.Settings
import cn.xunge.app.R
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
import cn.xunge.app.kit.Tone
import cn.xunge.app.shell.Host

/** 本机空间: what takes room, what goes by itself, and what may not go. */
class StoragePage(host: Host) : ReadPage<MeState>(host, R.string.storage_title) {
    private val presenter by lazy { host.session.run { MePresenter(handset, changes, { disk(context) }, io) } }

    override fun states() = presenter.states

    override fun screen(state: MeState): Screen = Screen(context).apply {
        title(text(R.string.storage_title), host::back)
        val disk = state.disk
        if (state.isDiskLow) clear()
        val use = state.storage
        val others = (disk.total - disk.free - use.all).coerceAtLeast(0)
        val total = disk.total.coerceAtLeast(1).toFloat()
        val card = column.add(Card(context, gap = 8))
        card.add(Label(context, Size.FIGURE, bold = true)).text = sizeText(disk.free)
        card.add(Label(context, Size.CAPTION, R.color.text_muted)).text = text(R.string.storage_left)
        card.add(Meter(context, Part(others / total, Tone.NEUTRAL), Part(use.all / total, Tone.INFO)))
        card.add(Label(context, Size.CAPTION, R.color.text_muted)).text = text(R.string.storage_split, sizeText(others), sizeText(use.all))
        column.add(RowCard(context)).apply {
            row(part(R.string.storage_kept, use.photosKept, R.drawable.ic_check_circle, R.string.storage_kept_sub))
            row(part(R.string.storage_waiting, use.photosWaiting, R.drawable.ic_lock, R.string.storage_waiting_sub))
            row(part(R.string.storage_reference, use.reference + use.grid, R.drawable.ic_map, R.string.storage_reference_sub))
            row(part(R.string.storage_records, use.database - minOf(use.database, use.reference), R.drawable.ic_list, R.string.storage_records_sub))
        }
    }

    /** Photos of the server's are cleared by the app itself; room is made elsewhere on the phone. */
    private fun Screen.clear() {
        hint(text(R.string.storage_clear_sub))
        second(text(R.string.storage_clear)) { context.startActivity(Intent(Settings.ACTION_INTERNAL_STORAGE_SETTINGS)) }
    }

    override fun change(screen: Screen, before: MeState, state: MeState): Boolean = before.storage == state.storage && before.disk == state.disk

    override fun banner(screen: Screen, state: MeState) {
        if (!state.isDiskLow) return screen.banner.hide()
        screen.banner.show(Mark(R.drawable.ic_drive, Tone.DANGER, text(R.string.storage_low, sizeText(state.disk.free), state.photosLeft)))
    }

    private fun part(title: Int, bytes: ULong, icon: Int, sub: Int) =
        RowModel(text(title, sizeText(bytes.toLong())), Lead.Small(icon), sub = text(sub))
}
