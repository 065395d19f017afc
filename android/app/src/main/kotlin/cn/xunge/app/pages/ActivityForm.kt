package cn.xunge.app.pages

import android.app.DatePickerDialog
import android.app.TimePickerDialog
import android.content.Context
import android.graphics.drawable.Drawable
import android.text.Editable
import android.text.InputType
import android.text.TextWatcher
import android.view.View
import cn.xunge.app.R
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.Field
import cn.xunge.app.kit.Grid
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Row
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.TypeButton
import cn.xunge.app.kit.show
import cn.xunge.core.ActivityContent
import cn.xunge.ids.Moment
import java.time.Instant
import java.time.LocalDateTime
import java.time.format.DateTimeFormatter

/**
 * The fields of an activity record. Texts are taken from the content once, when the form is built; what is chosen is shown
 * with each state.
 */
internal class ActivityForm(
    private val context: Context,
    column: Column,
    content: ActivityContent,
    private val change: ((ActivityContent) -> ActivityContent) -> Unit,
    onShot: (Int, DraftShot, Drawable?) -> Unit,
    onAdd: () -> Unit,
) {
    private val faults = HashMap<RecordField, Label>()
    private val views = HashMap<RecordField, View>()
    private val fields = HashMap<RecordField, Field>()
    private val shots = ShotRow(context, onShot, onAdd)
    private val buttons = LinkedHashMap<String, TypeButton>()
    private val times = HashMap<RecordField, Row>()
    private var shown: ActivityContent = content
    private var now = Moment(0)

    init {
        column.caption(R.string.activity_category)
        for ((code, word) in CATEGORIES) button(code, context.getString(word))
        // A category of a later version stays what it is.
        if (content.category.isNotBlank() && content.category !in buttons) button(content.category, content.category)
        views[RecordField.CATEGORY] = column.add(Grid(context, CATEGORY_DP).apply { buttons.values.forEach { addView(it) } })
        column.fault(RecordField.CATEGORY)
        column.field(RecordField.TITLE, R.id.activity_title, R.string.activity_name, content.title) { copy(title = it) }
        val card = column.add(RowCard(context))
        for (at in listOf(RecordField.STARTS, RecordField.ENDS)) {
            val row = card.row(RowModel("")) { pick(at) }
            times[at] = row
            views[at] = row
        }
        column.fault(RecordField.STARTS)
        column.fault(RecordField.ENDS)
        column.field(RecordField.PEOPLE, R.id.activity_people, R.string.activity_people, content.participants?.takeIf { it > 0u }?.toString().orEmpty()) {
            copy(participants = it.toUIntOrNull())
        }.edit.inputType = InputType.TYPE_CLASS_NUMBER
        column.field(RecordField.PLACE, R.id.activity_place, R.string.activity_place, content.place, R.drawable.ic_pin) { copy(place = it) }
        column.field(RecordField.ORGANISER, R.id.activity_organiser, R.string.activity_organiser, content.organiser) { copy(organiser = it) }
        column.field(RecordField.SUMMARY, R.id.activity_summary, R.string.activity_summary, content.summary, lines = 3) { copy(summary = it) }
        column.caption(R.string.activity_photos)
        column.add(shots.view)
    }

    /** The part of the form, to scroll to. */
    fun view(field: RecordField): View? = views[field]

    fun show(state: RecordState.Open, fault: Pair<RecordField, String>?) {
        shown = state.content
        now = state.now
        for ((code, button) in buttons) button.isSelected = code == state.content.category
        times.getValue(RecordField.STARTS).bind(time(R.string.activity_starts, state.content.starts))
        times.getValue(RecordField.ENDS).bind(time(R.string.activity_ends, state.content.ends))
        shots.show(state.work.shots)
        for ((field, label) in faults) label.show(fault?.second?.takeIf { fault.first == field })
        for ((field, view) in fields) view.fault(fault?.second?.takeIf { fault.first == field })
    }

    private fun button(code: String, word: String) {
        buttons[code] = TypeButton(context, word) { change { it.copy(category = code) } }
    }

    private fun Column.caption(text: Int) {
        add(Label(context, Size.CAPTION, R.color.text_muted)).text = context.getString(text)
    }

    private fun Column.fault(field: RecordField) {
        faults[field] = add(Label(context, Size.CAPTION, R.color.danger, bold = true)).apply {
            show(null)
            accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE
        }
    }

    private fun Column.field(at: RecordField, id: Int, label: Int, text: String, icon: Int = 0, lines: Int = 1, set: ActivityContent.(String) -> ActivityContent): Field {
        val field = add(Field(context, id, context.getString(label), lines = lines, icon = icon))
        field.text = text
        field.edit.addTextChangedListener(object : TextWatcher {
            override fun beforeTextChanged(s: CharSequence?, start: Int, count: Int, after: Int) = Unit

            override fun onTextChanged(s: CharSequence?, start: Int, before: Int, count: Int) = Unit

            override fun afterTextChanged(s: Editable?) = change { it.set(s?.toString().orEmpty()) }
        })
        views[at] = field
        fields[at] = field
        return field
    }

    private fun time(name: Int, at: Moment?) = RowModel(
        title = context.getString(name),
        lead = Lead.Small(R.drawable.ic_calendar),
        end = at?.let { WRITTEN.format(civil(it)) } ?: context.getString(R.string.activity_choose_time),
        chevron = true,
        bold = false,
    )

    /** Day, then time, by the framework's own dialogs, in civil time. */
    private fun pick(field: RecordField) {
        val starts = shown.starts
        val set = if (field == RecordField.STARTS) starts else shown.ends
        val from = civil(set ?: starts ?: now)
        DatePickerDialog(context, { _, year, month, day ->
            TimePickerDialog(context, { _, hour, minute -> set(field, LocalDateTime.of(year, month + 1, day, hour, minute)) }, from.hour, from.minute, true).show()
        }, from.year, from.monthValue - 1, from.dayOfMonth).show()
    }

    private fun set(field: RecordField, time: LocalDateTime) {
        val moment = Moment(time.atZone(CIVIL).toInstant().toEpochMilli())
        change { if (field == RecordField.STARTS) it.copy(starts = moment) else it.copy(ends = moment) }
    }

    private fun civil(moment: Moment): LocalDateTime = LocalDateTime.ofInstant(Instant.ofEpochMilli(moment.millis), CIVIL)

    private companion object {
        /** Two in a line. */
        const val CATEGORY_DP = 140
        val WRITTEN: DateTimeFormatter = DateTimeFormatter.ofPattern("MM-dd HH:mm")

        /** Categories that the protocol names; the core has no list of them yet. */
        val CATEGORIES = listOf(
            "fitness" to R.string.category_fitness,
            "contest" to R.string.category_contest,
            "lecture" to R.string.category_lecture,
            "training" to R.string.category_training,
        )
    }
}
