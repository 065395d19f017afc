package cn.xunge.app.kit

import android.content.Context
import android.view.Gravity
import android.view.View
import android.view.ViewGroup
import android.widget.LinearLayout
import cn.xunge.app.R

/** A card: radius 16, its content 12 from above and below and 16 from the sides. [tone] fills it when something is up. */
class Card(context: Context, tone: Tone? = null, gap: Number = 4) : Column(context, gap) {
    init {
        val fill = tokens.color(tone?.soft ?: R.color.surface)
        background = Ground(context, fill, tokens.color(R.color.neutral_soft), radius = 16f)
        setPadding(tokens.dp(16), tokens.dp(12), tokens.dp(16), tokens.dp(12))
    }

    /** What a press on the whole card does, and how it is spoken. */
    fun onClick(spoken: CharSequence, action: () -> Unit): Card = apply {
        contentDescription = spoken
        minimumHeight = tokens.dp(48)
        isFocusable = true
        for (at in 0 until childCount) getChildAt(at).importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO_HIDE_DESCENDANTS
        setOnClickListener { action() }
    }
}

/** A card of rows with hairlines between them. For a few rows; a list of any length is a [RowList]. */
class RowCard(context: Context) : Column(context, gap = 0) {
    override fun onViewAdded(child: View) {
        super.onViewAdded(child)
        for (at in 0 until childCount) {
            val first = at == 0
            val last = at == childCount - 1
            when (val view = getChildAt(at)) {
                is Row -> view.place(first, last)
                is RowHead -> view.place(first, last)
                is Choice -> view.place(first, last)
            }
        }
    }

    /** Adds a row. */
    fun row(model: RowModel, onClick: (() -> Unit)? = null): Row = add(Row(context, model, onClick))

    /** Adds a heading: what the rows are, and at the right a word about their order or number. */
    fun head(title: CharSequence, note: CharSequence? = null): RowHead = add(RowHead(context, title, note))
}

/** The heading inside a card of rows. */
class RowHead(context: Context, title: CharSequence, note: CharSequence? = null) : LinearLayout(context) {
    private val ground = Ground(context, tokens.color(R.color.surface), radius = 16f)

    init {
        gravity = Gravity.CENTER_VERTICAL
        minimumHeight = tokens.dp(48)
        setPadding(tokens.dp(16), tokens.dp(8), tokens.dp(16), tokens.dp(8))
        ground.hairline = tokens.dp(16)
        background = ground
        orientation = if (tokens.bigText) VERTICAL else HORIZONTAL
        val wrap = ViewGroup.LayoutParams.WRAP_CONTENT
        val first = if (tokens.bigText) LayoutParams(LayoutParams.MATCH_PARENT, wrap) else LayoutParams(0, wrap, 1f)
        addView(Label(context, bold = true).apply { text = title }.heading(), first)
        val behind = if (tokens.bigText) LayoutParams(LayoutParams.MATCH_PARENT, wrap) else LayoutParams(wrap, wrap)
        addView(Label(context, Size.CAPTION, R.color.text_muted).apply { show(note) }, behind)
    }

    fun place(first: Boolean, last: Boolean) {
        ground.roundTop = first
        ground.roundBottom = last
    }
}
