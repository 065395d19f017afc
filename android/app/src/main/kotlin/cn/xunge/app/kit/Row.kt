package cn.xunge.app.kit

import android.content.Context
import android.graphics.Typeface
import android.graphics.drawable.Drawable
import android.view.Gravity
import android.view.View
import android.widget.FrameLayout
import android.widget.ImageView
import android.widget.LinearLayout
import cn.xunge.app.R

/** What stands at the left of a row. */
sealed class Lead {
    /** A thumbnail of 56 dp; a tile with the icon of an image until it is there. */
    data class Photo(val picture: Drawable?) : Lead()

    /** An icon on a tile of 56 dp, for what has no photo. */
    data class Tile(val icon: Int, val tone: Tone = Tone.NEUTRAL) : Lead()

    /** An icon alone. */
    data class Small(val icon: Int, val color: Int = R.color.text) : Lead()
}

/**
 * What a row shows. Equal models look alike, so that a list binds only what changed.
 *
 * @param sub small text below
 * @param progress from 0 to 1, a thin bar
 * @param end small text at the right, a value
 * @param badge a state at the right
 * @param action a word at the right that says what a press does (改, 带路)
 * @param chevron a press leads to another screen
 * @param bold whether the title is bold: things are, settings are not
 */
data class RowModel(
    val title: CharSequence,
    val lead: Lead? = null,
    val state: Mark? = null,
    val sub: CharSequence? = null,
    val progress: Part? = null,
    val end: CharSequence? = null,
    val badge: Mark? = null,
    val action: CharSequence? = null,
    val chevron: Boolean = false,
    val bold: Boolean = true,
)

/** A line of a card or a list: at least 64 dp, spoken as one. It can be bound again and again. */
class Row(context: Context) : LinearLayout(context) {
    private val lead = LeadView(context)
    private val texts = Column(context, gap = 0)
    private val title = Label(context, bold = true)
    private val state = StateView(context)
    private val sub = Label(context, Size.CAPTION, R.color.text_muted)
    private val meter = Meter(context, 6)
    private val end = Label(context, Size.CAPTION, R.color.text_muted)
    private val badge = StateView(context, badge = true)
    private val action = Label(context, Size.BODY, R.color.brand, bold = true)
    private val chevron = Icon(context, R.drawable.ic_chevron_right, R.color.text_muted, 20)
    private val ground = Ground(context, tokens.color(R.color.surface), tokens.color(R.color.neutral_soft), radius = 16f)

    private var shown: RowModel? = null

    init {
        orientation = HORIZONTAL
        gravity = Gravity.CENTER_VERTICAL
        minimumHeight = tokens.dp(64)
        val big = tokens.bigText
        setPadding(tokens.dp(16), tokens.dp(10), tokens.dp(16), tokens.dp(10))
        ground.hairline = tokens.dp(16)
        background = ground
        val wrap = LayoutParams.WRAP_CONTENT
        addView(lead, LayoutParams(wrap, wrap).apply { marginEnd = tokens.dp(12) })
        addView(texts, LayoutParams(0, wrap, 1f))
        texts.add(title)
        texts.addView(state, LayoutParams(wrap, wrap))
        texts.add(sub)
        texts.addView(meter, LayoutParams(LayoutParams.MATCH_PARENT, wrap).apply { topMargin = tokens.dp(6) })
        // With large text what stood at the right stands below: side by side both would break within words.
        for (view in listOf(end, badge, action)) {
            if (big) {
                texts.addView(view, LayoutParams(wrap, wrap))
            } else {
                addView(view, LayoutParams(wrap, wrap).apply { marginStart = tokens.dp(12) })
            }
        }
        addView(chevron, LayoutParams(wrap, wrap).apply { marginStart = tokens.dp(12) })
        for (at in 0 until childCount) getChildAt(at).importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO_HIDE_DESCENDANTS
        isFocusable = false
    }

    constructor(context: Context, model: RowModel, onClick: (() -> Unit)? = null) : this(context) {
        bind(model)
        if (onClick != null) this.onClick(onClick)
    }

    /** What a press does. Rows of a [RowList] take presses by the list. */
    fun onClick(action: () -> Unit) {
        isFocusable = true
        setOnClickListener { action() }
    }

    fun bind(model: RowModel) {
        if (model == shown) return
        shown = model
        lead.show(model.lead)
        // Beside many lines of large text a picture stands at the first, an icon in the middle.
        val top = tokens.bigText && model.lead !is Lead.Small
        (lead.layoutParams as LayoutParams).gravity = if (top) Gravity.TOP else Gravity.CENTER_VERTICAL
        title.text = model.title
        title.typeface = if (model.bold) Typeface.DEFAULT_BOLD else Typeface.DEFAULT
        state.show(model.state)
        sub.show(model.sub)
        meter.visibility = if (model.progress == null) View.GONE else View.VISIBLE
        model.progress?.let { meter.show(listOf(it)) }
        end.show(model.end)
        badge.show(model.badge)
        action.show(model.action)
        chevron.visibility = if (model.chevron && !tokens.bigText) View.VISIBLE else View.GONE
        contentDescription = listOfNotNull(model.title, model.state?.text, model.sub, model.badge?.text, model.end, model.action)
            .filter { it.isNotEmpty() }
            .joinToString(context.getString(R.string.spoken_comma))
    }

    /** Which corners are round when several rows form one card, and whether a hairline stands below. */
    fun place(first: Boolean, last: Boolean) {
        ground.roundTop = first
        ground.roundBottom = last
    }
}

/** The left of a row: a thumbnail, a tile or an icon. */
private class LeadView(context: Context) : FrameLayout(context) {
    private val side = tokens.dp(if (tokens.bigText) 40 else 56)
    private val picture = ImageView(context).apply {
        scaleType = ImageView.ScaleType.CENTER_CROP
        clipToOutline = true
        background = Ground(context, fill = tokens.color(R.color.neutral_soft), radius = 8f)
    }
    private val alone = Icon(context)

    // On a tile, which does not grow with the text.
    private val onTile = Icon(context, grows = false)

    init {
        addView(picture, LayoutParams(side, side))
        for (icon in listOf(alone, onTile)) {
            addView(icon, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT, Gravity.CENTER))
        }
    }

    fun show(lead: Lead?) {
        visibility = if (lead == null) View.GONE else View.VISIBLE
        picture.visibility = if (lead is Lead.Small) View.GONE else View.VISIBLE
        val drawn = (lead as? Lead.Photo)?.picture
        picture.setImageDrawable(drawn?.let { Rounded(it, tokens.dp(8).toFloat()) })
        alone.visibility = if (lead is Lead.Small) View.VISIBLE else View.GONE
        onTile.visibility = if (lead !is Lead.Small && drawn == null) View.VISIBLE else View.GONE
        when (lead) {
            is Lead.Small -> alone.show(lead.icon, lead.color)
            is Lead.Tile -> {
                picture.background = Ground(context, fill = tokens.color(lead.tone.soft), radius = 8f)
                onTile.show(lead.icon, if (lead.tone == Tone.NEUTRAL) R.color.text else lead.tone.color)
            }
            is Lead.Photo -> {
                picture.background = Ground(context, fill = tokens.color(R.color.neutral_soft), radius = 8f)
                onTile.show(R.drawable.ic_image, R.color.neutral)
            }
            null -> Unit
        }
    }
}
