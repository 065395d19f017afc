package cn.xunge.app.kit

import android.content.Context
import android.graphics.Canvas
import android.graphics.drawable.Drawable
import android.view.MotionEvent
import android.view.View
import cn.xunge.app.R

/**
 * A photo over the whole body: two fingers enlarge it, one moves it, two taps enlarge it and make it whole again. Who
 * cannot pinch presses it once for each step.
 */
class ZoomPhoto(context: Context, private val picture: Drawable?, description: CharSequence) : View(context) {
    private var scale = 1f
    private var left = 0f
    private var top = 0f

    private val touches = Touches(
        context,
        object : Moved {
            override fun drag(byX: Float, byY: Float) = move(left + byX, top + byY)

            override fun pinch(factor: Float, x: Float, y: Float) = zoom(scale * factor, x, y)

            override fun doubleTap(x: Float, y: Float) = step(x, y)
        },
    )

    init {
        contentDescription = description
        setBackgroundColor(tokens.color(R.color.photo_ground))
        isFocusable = true
        setOnClickListener { step(width / 2f, height / 2f) }
    }

    @Suppress("ClickableViewAccessibility") // A click of keys or of a screen reader is taken by performClick.
    override fun onTouchEvent(event: MotionEvent): Boolean = touches.take(event)

    override fun onDraw(canvas: Canvas) {
        val drawn = picture ?: return
        val fit = fit(drawn)
        canvas.translate(left, top)
        canvas.scale(scale, scale)
        val (wide, high) = drawn.intrinsicWidth * fit to drawn.intrinsicHeight * fit
        val (x, y) = (width - wide) / 2 to (height - high) / 2
        drawn.setBounds(x.toInt(), y.toInt(), (x + wide).toInt(), (y + high).toInt())
        drawn.draw(canvas)
    }

    private fun fit(drawn: Drawable) = minOf(width.toFloat() / drawn.intrinsicWidth.coerceAtLeast(1), height.toFloat() / drawn.intrinsicHeight.coerceAtLeast(1))

    private fun step(x: Float, y: Float) = zoom(if (scale >= MOST - 1) 1f else scale + 1, x, y)

    private fun zoom(to: Float, x: Float, y: Float) {
        val next = to.coerceIn(1f, MOST)
        val by = next / scale
        scale = next
        move(x - (x - left) * by, y - (y - top) * by)
    }

    /** The photo never leaves the view. */
    private fun move(x: Float, y: Float) {
        left = x.coerceIn(width * (1 - scale), 0f)
        top = y.coerceIn(height * (1 - scale), 0f)
        invalidate()
    }

    private companion object {
        const val MOST = 5f
    }
}
