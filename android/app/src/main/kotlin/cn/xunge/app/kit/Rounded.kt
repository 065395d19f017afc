package cn.xunge.app.kit

import android.graphics.Canvas
import android.graphics.ColorFilter
import android.graphics.Path
import android.graphics.PixelFormat
import android.graphics.Rect
import android.graphics.RectF
import android.graphics.drawable.Drawable

/** A picture that fills its place, cut to it in the middle, with round corners. For thumbnails only: evidence is shown whole. */
class Rounded(private val picture: Drawable, private val radius: Float) : Drawable() {
    private val path = Path()

    override fun onBoundsChange(bounds: Rect) {
        path.reset()
        path.addRoundRect(RectF(bounds), radius, radius, Path.Direction.CW)
        val width = picture.intrinsicWidth.coerceAtLeast(1)
        val height = picture.intrinsicHeight.coerceAtLeast(1)
        val scale = maxOf(bounds.width().toFloat() / width, bounds.height().toFloat() / height)
        val w = Math.round(width * scale)
        val h = Math.round(height * scale)
        val left = bounds.centerX() - w / 2
        val top = bounds.centerY() - h / 2
        picture.setBounds(left, top, left + w, top + h)
    }

    override fun draw(canvas: Canvas) {
        val saved = canvas.save()
        canvas.clipPath(path)
        picture.draw(canvas)
        canvas.restoreToCount(saved)
    }

    override fun setAlpha(alpha: Int) {
        picture.alpha = alpha
    }

    override fun setColorFilter(filter: ColorFilter?) {
        picture.colorFilter = filter
    }

    @Deprecated("of the framework", ReplaceWith("PixelFormat.TRANSLUCENT"))
    override fun getOpacity() = PixelFormat.TRANSLUCENT
}
