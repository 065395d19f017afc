package cn.xunge.app

import android.graphics.Color
import android.graphics.Rect
import android.graphics.drawable.ColorDrawable
import android.view.View
import android.view.ViewGroup
import android.widget.AdapterView
import android.widget.EditText
import android.widget.ImageView
import android.widget.TextView
import cn.xunge.app.kit.Ground

/**
 * Checks that hold on every screen, on views that are laid out: what can be pressed has a name and is large enough,
 * no text is cut, and text stands out from its ground.
 */
object Audit {
    /** Text and its ground, by WCAG's AAA; the tokens promise it for every pair. */
    private const val CONTRAST = 7.0
    private const val TOUCH = 48f

    /** What is wrong below this view; empty when nothing is. */
    fun faults(root: View): List<String> {
        val shown = visible(root)
        return shown.flatMap { touch(it) + name(it) } + shown.filterIsInstance<TextView>().flatMap { cut(it) + contrast(it) }
    }

    /** Fails with everything that is wrong. */
    fun check(root: View) {
        val faults = faults(root)
        if (faults.isNotEmpty()) throw AssertionError(faults.joinToString("\n", "\n"))
    }

    private fun visible(view: View): List<View> = when {
        view.visibility != View.VISIBLE || view.width == 0 || view.height == 0 -> emptyList()
        view is ViewGroup -> listOf(view) + (0 until view.childCount).flatMap { visible(view.getChildAt(it)) }
        else -> listOf(view)
    }

    /** A view that a person presses, also a row of a list, which takes its presses by the list. */
    private fun pressable(view: View): Boolean {
        val list = view.parent as? AdapterView<*>
        if (list != null) return list.getPositionForView(view).let { it >= 0 && list.adapter.let { a -> (a as android.widget.ListAdapter).isEnabled(it) } }
        return (view.isClickable || view.isLongClickable) && view !is AdapterView<*>
    }

    private fun touch(view: View): List<String> {
        if (!pressable(view)) return emptyList()
        val density = view.resources.displayMetrics.density
        val (width, height) = view.width / density to view.height / density
        if (width >= TOUCH && height >= TOUCH) return emptyList()
        return listOf("${about(view)} is %.0f × %.0f dp to touch".format(width, height))
    }

    private fun name(view: View): List<String> {
        val silent = view is ImageView && !pressable(view) && view.importantForAccessibility != View.IMPORTANT_FOR_ACCESSIBILITY_NO &&
            view.contentDescription.isNullOrEmpty() && !hidden(view)
        if (silent) return listOf("${about(view)} has neither a description nor is it left out of speech")
        if (!pressable(view) || spoken(view).isNotEmpty()) return emptyList()
        return listOf("${about(view)} can be pressed and has no name")
    }

    /** Whether an ancestor speaks for the view. */
    private fun hidden(view: View): Boolean = generateSequence(view.parent as? View) { it.parent as? View }
        .any { it.importantForAccessibility == View.IMPORTANT_FOR_ACCESSIBILITY_NO_HIDE_DESCENDANTS || !it.contentDescription.isNullOrEmpty() }

    private fun spoken(view: View): String {
        val own = view.contentDescription ?: (view as? TextView)?.text?.takeIf { it.isNotEmpty() } ?: (view as? EditText)?.hint
        if (!own.isNullOrEmpty()) return own.toString()
        val label = if (view is EditText && view.id != View.NO_ID) labelOf(view) else null
        if (label != null) return label.text.toString()
        return if (view is ViewGroup) (0 until view.childCount).joinToString("") { spoken(view.getChildAt(it)) } else ""
    }

    private fun labelOf(field: View): TextView? = visible(field.rootView).filterIsInstance<TextView>().firstOrNull { it.labelFor == field.id }

    private fun cut(view: TextView): List<String> {
        val layout = view.layout ?: return listOf("${about(view)} is not laid out")
        val faults = ArrayList<String>()
        if (view.text.isEmpty()) {
            val hint = view.hint?.toString() ?: return emptyList()
            val room = view.width - view.paddingLeft - view.paddingRight
            if (view.maxLines == 1 && view.paint.measureText(hint) > room) faults += "${about(view)} is wider than its place"
            return faults
        }
        for (line in 0 until layout.lineCount) {
            if (layout.getEllipsisCount(line) > 0) faults += "${about(view)} is shortened"
            if (layout.getLineMax(line) > view.width - view.paddingLeft - view.paddingRight + 1) faults += "${about(view)} is wider than its place"
        }
        if (view !is EditText && layout.height > view.height - view.paddingTop - view.paddingBottom + 1) faults += "${about(view)} is higher than its place"
        // Cut by a parent that does not scroll.
        val place = Rect(0, 0, view.width, view.height)
        var child: View = view
        var parent = view.parent as? ViewGroup
        while (parent != null && !parent.isScrollContainer && parent !is android.widget.ScrollView && parent !is AdapterView<*>) {
            place.offset(child.left + child.translationX.toInt() - child.scrollX, child.top + child.translationY.toInt() - child.scrollY)
            if (place.left < 0 || place.top < 0 || place.right > parent.width || place.bottom > parent.height) {
                faults += "${about(view)} reaches out of ${parent.javaClass.simpleName}"
                break
            }
            child = parent
            parent = parent.parent as? ViewGroup
        }
        return faults
    }

    private fun contrast(view: TextView): List<String> {
        val ground = ground(view) ?: return emptyList()
        val empty = view.text.isEmpty()
        val color = if (empty) view.currentHintTextColor else view.currentTextColor
        if (empty && view.hint.isNullOrEmpty()) return emptyList()
        val found = ratio(color, ground)
        if (found >= CONTRAST) return emptyList()
        return listOf("${about(view)} has a contrast of %.2f:1 on #%06X".format(found, ground and 0xFFFFFF))
    }

    /** The colour behind the text: the nearest ground that is not transparent; null on a photo. */
    private fun ground(view: View): Int? {
        val over = ArrayList<Int>()
        for (at in generateSequence(view) { it.parent as? View }) {
            val color = when (val drawn = at.background) {
                is Ground -> drawn.color
                is ColorDrawable -> drawn.color
                else -> continue
            }
            over.add(color)
            if (Color.alpha(color) == 255) return over.reversed().reduce { below, above -> blend(above, below) }
        }
        return null
    }

    private fun blend(above: Int, below: Int): Int {
        val share = Color.alpha(above) / 255f
        fun mix(a: Int, b: Int) = Math.round(a * share + b * (1 - share))
        return Color.rgb(mix(Color.red(above), Color.red(below)), mix(Color.green(above), Color.green(below)), mix(Color.blue(above), Color.blue(below)))
    }

    fun ratio(text: Int, ground: Int): Double {
        val (a, b) = Color.luminance(text).toDouble() to Color.luminance(ground).toDouble()
        return (maxOf(a, b) + 0.05) / (minOf(a, b) + 0.05)
    }

    private fun about(view: View): String {
        val words = (view as? TextView)?.text?.ifEmpty { view.hint ?: "" } ?: view.contentDescription ?: ""
        return "${view.javaClass.simpleName} “$words”"
    }
}
