package cn.xunge.app.map

import android.content.Context
import android.graphics.Canvas
import android.graphics.DashPathEffect
import android.graphics.Paint
import android.graphics.Path
import android.graphics.RectF
import android.graphics.Typeface
import cn.xunge.app.R
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.tokens

/** Draws the things of a map in the design's colours. Lengths are in dp. */
internal class MapPen(private val context: Context) {
    private val tokens = context.tokens
    private val paint = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        strokeJoin = Paint.Join.ROUND
        strokeCap = Paint.Cap.ROUND
    }
    private val text = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        textAlign = Paint.Align.CENTER
        strokeJoin = Paint.Join.ROUND
        fontFeatureSettings = "tnum"
    }
    private val halo = tokens.color(R.color.map_halo)

    /** Pixels of a dp. */
    val unit: Float = context.resources.displayMetrics.density

    fun fill(canvas: Canvas, path: Path, color: Int, alpha: Float = 1f) = canvas.drawPath(path, brush(color, alpha))

    fun stroke(canvas: Canvas, path: Path, color: Int, width: Float, dashed: Boolean = false) =
        canvas.drawPath(path, line(color, width, dashed))

    fun circle(canvas: Canvas, x: Float, y: Float, radius: Float, fill: Int, alpha: Float = 1f, border: Int = 0, width: Float = 0f) {
        canvas.drawCircle(x, y, radius, brush(fill, alpha))
        if (border != 0) canvas.drawCircle(x, y, radius, line(border, width))
    }

    /** The dot of the handset itself: grey where it is only the last known place. */
    fun dot(canvas: Canvas, x: Float, y: Float, isNow: Boolean) {
        val color = if (isNow) R.color.info else R.color.neutral
        circle(canvas, x, y, 12 * unit, color)
        circle(canvas, x, y, 10 * unit, R.color.surface)
        circle(canvas, x, y, 7 * unit, color)
    }

    /** A pin of 28 dp whose point is at the place. */
    fun pin(canvas: Canvas, x: Float, y: Float, icon: Int, tone: Tone, isSelected: Boolean) {
        val side = (if (isSelected) SELECTED else PIN) * unit
        val middle = y - side / 2 - TIP * unit
        val point = Path().apply {
            moveTo(x, y)
            lineTo(x - TIP * unit, middle + side / 2 - 3 * unit)
            lineTo(x + TIP * unit, middle + side / 2 - 3 * unit)
            close()
        }
        canvas.drawPath(point, line(R.color.surface, 3f))
        circle(canvas, x, middle, side / 2 + 1.5f * unit, R.color.surface)
        fill(canvas, point, tone.color)
        circle(canvas, x, middle, side / 2, tone.color)
        if (isSelected) circle(canvas, x, middle, side / 2 - 1.5f * unit, tone.color, border = R.color.brand, width = 3f)
        icon(canvas, icon, x, middle, side * 0.3f, R.color.surface)
    }

    /** Tasks that are too near to each other for pins of their own: their number. */
    fun cluster(canvas: Canvas, x: Float, y: Float, number: Int, tone: Tone) {
        val radius = PIN / 2 * unit
        val middle = y - radius - TIP * unit
        circle(canvas, x, middle, radius + 1.5f * unit, R.color.surface)
        circle(canvas, x, middle, radius, R.color.surface, border = tone.color, width = 2.5f)
        words(canvas, number.toString(), x, middle, Size.CAPTION, bold = true, color = tone.color, withHalo = false)
    }

    /** The pin in the middle of a map on which one chooses a place: its point is the place. */
    fun aim(canvas: Canvas, x: Float, y: Float) {
        circle(canvas, x, y, 3 * unit, R.color.brand, border = R.color.surface, width = 1.5f)
        val drawn = checkNotNull(context.getDrawable(R.drawable.ic_pin)).mutate()
        // A halo, so that it stands out on lines; the icon's own point is a twelfth above its lower side.
        for ((color, grow) in listOf(R.color.surface to 2f, R.color.brand to 0f)) {
            val side = (40 + grow * 2) * unit
            drawn.setTint(tokens.color(color))
            val bottom = y + side / 12 + grow * unit / 2
            drawn.setBounds((x - side / 2).toInt(), (bottom - side).toInt(), (x + side / 2).toInt(), bottom.toInt())
            drawn.draw(canvas)
        }
    }

    fun width(words: String, size: Size, bold: Boolean): Float {
        style(size, bold)
        return text.measureText(words)
    }

    fun height(size: Size): Float = tokens.text(size)

    /** Words around a middle, on a halo. */
    fun words(canvas: Canvas, words: String, x: Float, y: Float, size: Size, bold: Boolean, color: Int = R.color.map_label, withHalo: Boolean = true) {
        style(size, bold)
        val base = y - (text.ascent() + text.descent()) / 2
        if (withHalo) {
            text.style = Paint.Style.STROKE
            text.strokeWidth = 3 * unit
            text.color = halo
            canvas.drawText(words, x, base, text)
        }
        text.style = Paint.Style.FILL
        text.color = tokens.color(color)
        canvas.drawText(words, x, base, text)
    }

    /** A bar of this width with words over it, right of [left] and above [bottom]. */
    fun scale(canvas: Canvas, left: Float, bottom: Float, width: Float, words: String) {
        val bar = Path().apply {
            moveTo(left, bottom - 5 * unit)
            lineTo(left, bottom)
            lineTo(left + width, bottom)
            lineTo(left + width, bottom - 5 * unit)
        }
        canvas.drawPath(bar, line(R.color.map_halo, 5f))
        canvas.drawPath(bar, line(R.color.map_label, 2f))
        words(canvas, words, left + width / 2, bottom - 5 * unit - height(Size.CAPTION) * 0.6f, Size.CAPTION, bold = false)
    }

    /** Words on a ground, over everything else. */
    fun chip(canvas: Canvas, words: String, box: RectF) {
        canvas.drawRoundRect(box, 8 * unit, 8 * unit, brush(R.color.surface, 1f))
        words(canvas, words, box.centerX(), box.centerY(), Size.CAPTION, bold = false, color = R.color.text_muted, withHalo = false)
    }

    private fun icon(canvas: Canvas, icon: Int, x: Float, y: Float, half: Float, color: Int) {
        val drawn = checkNotNull(context.getDrawable(icon)).mutate()
        drawn.setTint(tokens.color(color))
        drawn.setBounds((x - half).toInt(), (y - half).toInt(), (x + half).toInt(), (y + half).toInt())
        drawn.draw(canvas)
    }

    private fun style(size: Size, bold: Boolean) {
        text.textSize = tokens.text(size)
        text.typeface = if (bold) Typeface.DEFAULT_BOLD else Typeface.DEFAULT
    }

    private fun brush(color: Int, alpha: Float) = paint.apply {
        style = Paint.Style.FILL
        pathEffect = null
        this.color = tokens.color(color)
        if (alpha < 1f) this.alpha = (alpha * 255).toInt()
    }

    private fun line(color: Int, width: Float, dashed: Boolean = false) = paint.apply {
        style = Paint.Style.STROKE
        strokeWidth = width * unit
        pathEffect = if (dashed) DashPathEffect(floatArrayOf(5 * unit, 4 * unit), 0f) else null
        this.color = tokens.color(color)
    }

    companion object {
        /** Dp of a pin's disc. */
        const val PIN = 28f
        const val SELECTED = 40f

        /** Dp between the disc and the place. */
        const val TIP = 6f

        /** What a pin at a place covers, and half as much around it for a finger. */
        fun place(x: Float, y: Float, unit: Float) = RectF(x - 24 * unit, y - (PIN + TIP + 7) * unit, x + 24 * unit, y + 7 * unit)
    }
}
