package cn.xunge.app.pages

import android.content.Context
import android.text.TextPaint
import android.util.TypedValue
import android.view.Gravity
import cn.xunge.app.R
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Part
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.Tone
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.XungeApp
import cn.xunge.core.sizeWords
import cn.xunge.ids.EntryKey

/** After a report was filed: what is true now, and by itself what comes of it. */
internal class SentPage(host: Host, item: EntryKey) : Page<SentState>(host) {
    private val presenter by lazy { host.session.run { SentPresenter(handset, changes, item, io) { XungeApp.of(context).surroundings.connectivity().metered } } }

    override suspend fun follow(show: (SentState) -> Unit) = presenter.states.collect { show(it) }

    override fun build(state: SentState): Screen = Screen(context).apply {
        val number = state.row.number
        if (number == null) {
            named(text(R.string.sent_saved))
            column.add(EmptyState(context, R.drawable.ic_drive, text(R.string.sent_saved), text(R.string.sent_saved_how), Tone.INFO))
        } else {
            named(text(R.string.sent_received))
            val hero = column.add(EmptyState(context, R.drawable.ic_check_circle, text(R.string.sent_received), text(R.string.sent_number), Tone.SUCCESS))
            hero.add(Whole(context)).text = number
        }
        column.add(RowCard(context)).row(row(state))
        if (state.waitsForWifi) hint(text(R.string.sent_wait_wifi))
        primary(text(R.string.sent_again), R.drawable.ic_camera) { host.switch(Place.REPORT) }
        second(text(R.string.sent_today)) { host.switch(Place.TODAY) }
    }

    private fun row(state: SentState): RowModel {
        val photos = if (state.photos == 0) null else text(R.string.sent_photos, state.photos, sizeWords(state.bytes.toULong()))
        return RowModel(
            title = state.row.summary.here(),
            lead = if (state.picture == null) Lead.Tile(R.drawable.ic_file) else Lead.Photo(state.picture.thumbnail(context)),
            state = state.row.mark(host.lang),
            sub = photos,
            progress = if (state.sent in 1 until state.bytes) Part(state.sent.toFloat() / state.bytes, Tone.INFO) else null,
        )
    }
}

/** A number that stands on one line whatever the text size: it is read out and copied, so it must not break. */
private class Whole(context: Context) : Label(context, Size.HEADLINE, bold = true) {
    private val full = textSize

    init {
        gravity = Gravity.CENTER
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        val room = MeasureSpec.getSize(widthMeasureSpec) - paddingLeft - paddingRight
        // By steps: the width does not grow evenly with the size, as each digit is rounded to pixels.
        val tried = TextPaint(paint).apply { textSize = full }
        while (tried.measureText(text.toString()) > room && tried.textSize > 1) tried.textSize -= 1
        setTextSize(TypedValue.COMPLEX_UNIT_PX, tried.textSize)
        super.onMeasure(widthMeasureSpec, heightMeasureSpec)
    }
}
