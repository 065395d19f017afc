package cn.xunge.app.kit

import android.content.Context
import android.graphics.Canvas
import android.graphics.ColorFilter
import android.graphics.DashPathEffect
import android.graphics.Outline
import android.graphics.Paint
import android.graphics.Path
import android.graphics.PixelFormat
import android.graphics.RectF
import android.graphics.drawable.Drawable
import cn.xunge.app.R

/**
 * The ground of every card, control and badge: a fill, an outline, round corners, and how both change when the view
 * is pressed or has the focus. One drawable, so that all controls answer a touch alike.
 *
 * @param fill colour, 0 for none
 * @param pressed colour of the fill while pressed
 * @param border colour of the outline, 0 for none
 * @param stroke width of the outline in dp
 * @param radius of all corners in dp; a half circle when larger than the view
 */
class Ground(
    context: Context,
    private val fill: Int = 0,
    private val pressed: Int = fill,
    private val border: Int = 0,
    stroke: Float = 2f,
    private val dashed: Boolean = false,
    radius: Float = 12f,
    /** A field shows the focus by its outline; everything else by a ring with a gap. */
    private val field: Boolean = false,
) : Drawable() {
    private val tokens = context.tokens
    private val unit = tokens.dp(1).toFloat()
    private val width = stroke * context.resources.displayMetrics.density
    private val focus = tokens.color(R.color.focus)
    private val line = tokens.color(R.color.line)
    private val corner = tokens.dp(radius).toFloat()
    private val paint = Paint(Paint.ANTI_ALIAS_FLAG)
    private val path = Path()
    private val box = RectF()

    /** A list draws each row's ground as a part of one card: only its first and last row have round corners. */
    var roundTop = true
        set(value) { field = value; invalidateSelf() }
    var roundBottom = true
        set(value) { field = value; invalidateSelf() }

    /** Distance in pixels of a hairline at the bottom from both sides; below 0 for none. */
    var hairline = -1
        set(value) { field = value; invalidateSelf() }

    override fun draw(canvas: Canvas) {
        val down = has(android.R.attr.state_pressed)
        val focused = has(android.R.attr.state_focused)
        val gap = if (focused && !field) 4 * unit else 0f
        shape(gap)
        val ground = if (down) pressed else fill
        if (ground ushr 24 != 0) {
            paint.style = Paint.Style.FILL
            paint.color = ground
            canvas.drawPath(path, paint)
        }
        val outline = if (focused && field) focus else border
        if (outline ushr 24 != 0) {
            shape(gap + width / 2)
            stroke(outline, width)
            if (dashed) paint.pathEffect = DashPathEffect(floatArrayOf(5 * unit, 4 * unit), 0f)
            canvas.drawPath(path, paint)
            paint.pathEffect = null
        }
        if (focused && !field) {
            shape(unit)
            stroke(focus, 2 * unit)
            canvas.drawPath(path, paint)
        }
        if (hairline >= 0 && !roundBottom) {
            paint.style = Paint.Style.FILL
            paint.color = line
            canvas.drawRect(bounds.left + hairline.toFloat(), bounds.bottom - unit, bounds.right - hairline.toFloat(), bounds.bottom.toFloat(), paint)
        }
    }

    private fun stroke(color: Int, width: Float) {
        paint.style = Paint.Style.STROKE
        paint.strokeWidth = width
        paint.color = color
    }

    private fun shape(inset: Float) {
        box.set(bounds)
        box.inset(inset, inset)
        val round = minOf(corner - inset, box.height() / 2, box.width() / 2).coerceAtLeast(0f)
        val top = if (roundTop) round else 0f
        val bottom = if (roundBottom) round else 0f
        path.reset()
        path.addRoundRect(box, floatArrayOf(top, top, top, top, bottom, bottom, bottom, bottom), Path.Direction.CW)
    }

    private fun has(wanted: Int) = state.contains(wanted)

    override fun isStateful() = true

    override fun onStateChange(state: IntArray): Boolean {
        invalidateSelf()
        return true
    }

    override fun getOutline(outline: Outline) = outline.setRoundRect(bounds, corner)

    override fun setAlpha(alpha: Int) = Unit

    override fun setColorFilter(filter: ColorFilter?) = Unit

    @Deprecated("of the framework", ReplaceWith("PixelFormat.TRANSLUCENT"))
    override fun getOpacity() = PixelFormat.TRANSLUCENT

    /** For tests: the colour that text on this ground stands on. */
    val color: Int get() = fill
}
