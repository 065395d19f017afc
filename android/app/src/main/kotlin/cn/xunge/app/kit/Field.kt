package cn.xunge.app.kit

import android.content.Context
import android.text.InputType
import android.view.Gravity
import android.view.View
import android.widget.EditText
import android.widget.LinearLayout
import cn.xunge.app.R

/**
 * A field to type in, with its label above.
 *
 * @param id an id of the resources: what was typed is kept under it when the screen is turned or the app is put away
 * @param lines more than one for sentences
 */
class Field(context: Context, id: Int, label: CharSequence?, hint: CharSequence? = null, lines: Int = 1, icon: Int = 0) : Column(context, gap = 4) {
    private val name = Label(context, Size.CAPTION, R.color.text_muted)
    private val fault = Label(context, Size.CAPTION, R.color.danger, bold = true)

    /** The framework's own field: its text, its keyboard, its listeners. */
    val edit: EditText = EditText(context)

    init {
        style(edit, Size.BODY, R.color.text)
        edit.id = id
        edit.background = null
        edit.hint = hint
        edit.setHintTextColor(tokens.color(R.color.text_muted))
        edit.inputType = InputType.TYPE_CLASS_TEXT or if (lines > 1) InputType.TYPE_TEXT_FLAG_MULTI_LINE else 0
        // Also a field of one line wraps: a long hint or large text would otherwise run out of it.
        edit.setHorizontallyScrolling(false)
        edit.maxLines = Int.MAX_VALUE
        if (lines > 1) edit.minLines = lines
        if (lines == 1) edit.minHeight = tokens.dp(48)
        edit.gravity = if (lines > 1) Gravity.TOP else Gravity.CENTER_VERTICAL
        val inset = tokens.dp(if (lines > 1) 10 else 8)
        edit.setPadding(0, edit.paddingTop + inset, 0, edit.paddingBottom + inset)
        name.show(label)
        name.labelFor = id
        add(name)
        add(box(icon))
        add(fault)
        fault.show(null)
        fault.accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE
    }

    private fun box(icon: Int) = LinearLayout(context).apply {
        gravity = Gravity.CENTER_VERTICAL
        minimumHeight = tokens.dp(56)
        setPadding(tokens.dp(16), 0, tokens.dp(16), 0)
        setAddStatesFromChildren(true)
        background = Ground(context, tokens.color(R.color.surface), border = tokens.color(R.color.line_strong), radius = 12f, field = true)
        if (icon != 0) {
            addView(Icon(context, icon), LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply { marginEnd = tokens.dp(10) })
        }
        addView(edit, LayoutParams(0, LayoutParams.WRAP_CONTENT, 1f))
    }

    /** What was typed. */
    var text: String
        get() = edit.text.toString()
        set(value) = edit.setText(value)

    /** Says below the field what is missing or wrong, or nothing. What was typed stays. */
    fun fault(words: CharSequence?) = fault.show(words)
}
