package cn.xunge.app.walk

import android.app.Activity
import android.app.AlertDialog
import android.app.Dialog
import android.app.TimePickerDialog
import android.content.DialogInterface
import android.os.Looper
import android.view.View
import android.view.ViewGroup
import android.widget.EditText
import android.widget.ListView
import android.widget.TextView
import cn.xunge.app.kit.Field
import org.junit.Assert.assertTrue
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowDialog
import java.util.concurrent.locks.LockSupport

/**
 * What a person sees of the app and does with it: finds things by their words, presses them, types.
 *
 * @param meanwhile what goes on around the person, called again and again while he waits
 */
class Hand(private val meanwhile: () -> Unit = {}, private val activity: () -> Activity) {
    /** The window in front: a dialog's, or the activity's. */
    fun root(): View = dialog()?.window?.decorView ?: activity().window.decorView

    private fun dialog(): Dialog? = ShadowDialog.getLatestDialog()?.takeIf { it.isShowing }

    private fun all(view: View = root()): Sequence<View> = sequence {
        if (view.visibility != View.VISIBLE) return@sequence
        yield(view)
        if (view is ViewGroup) for (at in 0 until view.childCount) yieldAll(all(view.getChildAt(at)))
    }

    private fun View.words(): String = listOfNotNull((this as? TextView)?.text, contentDescription).joinToString(" ")

    /** All words of the screen, for failures. */
    fun screen(): String = all().map { it.words() }.filter { it.isNotBlank() }.distinct().joinToString(" | ")

    fun sees(words: String): Boolean = all().any { words in it.words() }

    /** Waits until the screen says so; fails after a minute with what it says instead. */
    fun awaits(words: String) = until("waits for 「$words」") { sees(words) }

    /** Waits until the screen does not say so any more. */
    fun awaitsNo(words: String) = until("waits until 「$words」 is gone") { !sees(words) }

    /** Presses what bears these words: a button, or the row around them. */
    fun press(words: String) {
        var target: View? = null
        until("looks for 「$words」 to press") {
            target = pressable(words)
            target != null
        }
        val view = checkNotNull(target)
        val list = view.parent as? ListView
        if (list != null && !view.isClickable) list.performItemClick(view, list.getPositionForView(view), view.id.toLong()) else view.performClick()
        idle()
    }

    private fun pressable(words: String): View? {
        // A button that does not work yet says so; the person waits.
        val some = all().filter { words in it.words() && NOT_YET !in it.words() && it !is EditText }.toList()
        // 「提交」 before 「不拍照，直接提交」.
        val bearing = some.filter { it.words() == words }.ifEmpty { some }
        return bearing.firstOrNull { it.isClickable } ?: bearing.firstNotNullOfOrNull { view ->
            generateSequence(view) { it.parent as? View }.firstOrNull { it.parent is ListView || it.isClickable && it !is ListView }
        }
    }

    /** Types into the first field. */
    fun type(text: String) {
        until("looks for a field") { all().any { it is EditText } }
        (all().first { it is EditText } as EditText).setText(text)
        idle()
    }

    /** Types into the field with these words above it, or in it while it is empty. */
    fun type(text: String, at: String) {
        until("looks for the field 「$at」") { field(at) != null }
        field(at)!!.edit.setText(text)
        idle()
    }

    /** Agrees to what the dialog in front offers. */
    fun confirm() {
        until("looks for a dialog") { dialog() is AlertDialog }
        (dialog() as AlertDialog).getButton(DialogInterface.BUTTON_POSITIVE).performClick()
        idle()
    }

    /** Sets the clock of the dialog in front and agrees. */
    fun confirm(hour: Int, minute: Int) {
        until("looks for a clock") { dialog() is TimePickerDialog }
        (dialog() as TimePickerDialog).updateTime(hour, minute)
        confirm()
    }

    private fun field(words: String): Field? = all().filterIsInstance<Field>()
        .firstOrNull { field -> field.edit.hint == words || all(field).any { it !is EditText && it.words() == words } }

    fun until(what: String, seconds: Long = PATIENCE_S, condition: () -> Boolean) {
        val deadline = System.nanoTime() + seconds * 1_000_000_000
        while (true) {
            meanwhile()
            idle()
            if (condition()) return
            assertTrue("The person $what; the screen says: ${screen()}", System.nanoTime() < deadline)
            LockSupport.parkNanos(10_000_000)
        }
    }

    /** Lets the screen do what it has to do now. */
    fun settle() = idle()

    private fun idle() = shadowOf(Looper.getMainLooper()).idle()

    private companion object {
        const val NOT_YET = "还不能用"
        const val PATIENCE_S = 60L
    }
}
