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
}

/** A card that leads to another screen: what it tells goes into [column], and a press anywhere is one press. */
class LinkCard(context: Context, spoken: CharSequence, onClick: () -> Unit) : LinearLayout(context) {
    val column = Column(context, gap = 6)

    init {
        gravity = Gravity.CENTER_VERTICAL
        minimumHeight = tokens.dp(64)
        background = Ground(context, tokens.color(R.color.surface), tokens.color(R.color.neutral_soft), radius = 16f)
        setPadding(tokens.dp(16), tokens.dp(12), tokens.dp(16), tokens.dp(12))
        contentDescription = spoken
        isFocusable = true
        column.importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO_HIDE_DESCENDANTS
        addView(column, LayoutParams(0, LayoutParams.WRAP_CONTENT, 1f))
        if (!tokens.bigText) {
            val arrow = Icon(context, R.drawable.ic_chevron_right, R.color.text_muted)
            addView(arrow, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply { marginStart = tokens.dp(16) })
        }
        setOnClickListener { onClick() }
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

/** The card that begins a screen: a disc, what holds now in large words, small words below, and a button. */
class HeadCard(context: Context, disc: View?, headline: CharSequence, sub: CharSequence? = null, end: View? = null) : LinearLayout(context) {
    init {
        val big = tokens.bigText
        orientation = if (big) VERTICAL else HORIZONTAL
        gravity = if (big) Gravity.START else Gravity.CENTER_VERTICAL
        background = Ground(context, tokens.color(R.color.surface), radius = 16f)
        setPadding(tokens.dp(16), tokens.dp(12), tokens.dp(if (end == null) 16 else 10), tokens.dp(12))
        val wrap = LayoutParams.WRAP_CONTENT
        if (disc != null) addView(disc, LayoutParams(wrap, wrap).apply { marginEnd = tokens.dp(12) })
        val words = Column(context, gap = 0)
        words.add(Label(context, Size.HEADLINE, bold = true)).heading().text = headline
        words.add(Label(context, Size.CAPTION, R.color.text_muted)).show(sub)
        addView(words, if (big) LayoutParams(LayoutParams.MATCH_PARENT, wrap) else LayoutParams(0, wrap, 1f))
        // Below the words its own words begin where they do.
        if (end != null) addView(end, LayoutParams(wrap, wrap).apply { if (big) marginStart = -end.paddingLeft })
    }
}
