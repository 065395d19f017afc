package cn.xunge.app.kit

import android.content.Context
import android.view.Gravity
import android.view.View
import android.widget.LinearLayout
import cn.xunge.app.R

/** What was just done, and the way back, over the end of the body for ten seconds. Never for a state: that stands in its row. */
class Snackbar(context: Context) : LinearLayout(context) {
    private val words = Label(context, color = R.color.surface)
    private val undo = Label(context, color = R.color.surface, bold = true)
    private var gone: (() -> Unit)? = null
    private val end = Runnable { close() }

    init {
        gravity = Gravity.CENTER_VERTICAL
        orientation = if (tokens.bigText) VERTICAL else HORIZONTAL
        minimumHeight = tokens.dp(56)
        setPadding(tokens.dp(16), tokens.dp(4), tokens.dp(4), tokens.dp(4))
        background = Ground(context, tokens.color(R.color.text), radius = 12f)
        elevation = tokens.dp(8).toFloat()
        accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE
        val wrap = LayoutParams.WRAP_CONTENT
        addView(words, if (tokens.bigText) LayoutParams(LayoutParams.MATCH_PARENT, wrap) else LayoutParams(0, wrap, 1f))
        undo.gravity = Gravity.CENTER
        undo.minHeight = tokens.dp(48)
        undo.minWidth = tokens.dp(64)
        undo.setPadding(tokens.dp(12), undo.paddingTop, tokens.dp(12), undo.paddingBottom)
        undo.isFocusable = true
        undo.background = Ground(context, pressed = tokens.color(R.color.text_muted), border = tokens.color(R.color.surface), stroke = 1.5f, radius = 8f)
        addView(undo, LayoutParams(wrap, wrap).apply {
            marginStart = tokens.dp(if (tokens.bigText) 0 else 12)
            gravity = Gravity.CENTER_VERTICAL or Gravity.END
        })
        visibility = View.GONE
    }

    /** [onUndo] when the person takes it back; [onGone] when the time is over or another takes its place. */
    fun show(text: CharSequence, onUndo: (() -> Unit)? = null, onGone: () -> Unit = {}) {
        close()
        words.text = text
        undo.show(if (onUndo == null) null else context.getString(R.string.undo))
        undo.setOnClickListener {
            gone = null
            close()
            onUndo?.invoke()
        }
        gone = onGone
        visibility = View.VISIBLE
        postDelayed(end, Newer.timeout(context, resources.getInteger(R.integer.undo_ms)).toLong())
    }

    fun close() {
        removeCallbacks(end)
        visibility = View.GONE
        val told = gone
        gone = null
        told?.invoke()
    }
}
