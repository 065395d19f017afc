package cn.xunge.app.pages

import android.annotation.SuppressLint
import android.app.Dialog
import android.content.Context
import android.graphics.Color
import android.graphics.Matrix
import android.graphics.drawable.Drawable
import android.view.Gravity
import android.view.MotionEvent
import android.view.ScaleGestureDetector
import android.view.ViewGroup
import android.widget.FrameLayout
import android.widget.ImageView
import cn.xunge.app.R
import cn.xunge.app.kit.IconButton
import cn.xunge.app.kit.tokens

/** A photo over the whole screen. Two fingers enlarge it, one moves it; Back closes it. */
internal object BigPhoto {
    fun show(context: Context, picture: Drawable?, name: CharSequence) {
        if (picture == null) return
        val dialog = Dialog(context, android.R.style.Theme_Black_NoTitleBar_Fullscreen)
        val frame = FrameLayout(context)
        frame.setBackgroundColor(context.tokens.color(R.color.photo_ground))
        val all = ViewGroup.LayoutParams.MATCH_PARENT
        frame.addView(ZoomView(context, picture, name), FrameLayout.LayoutParams(all, all))
        val wrap = ViewGroup.LayoutParams.WRAP_CONTENT
        val close = IconButton(context, R.drawable.ic_x, context.getString(R.string.photo_close), R.color.on_photo) { dialog.dismiss() }
        frame.addView(close, FrameLayout.LayoutParams(wrap, wrap, Gravity.TOP or Gravity.START))
        dialog.setContentView(frame)
        dialog.show()
    }
}

@SuppressLint("ViewConstructor")
private class ZoomView(context: Context, private val picture: Drawable, name: CharSequence) : ImageView(context) {
    private val drawn = Matrix()
    private var scale = 1f
    private var x = 0f
    private var y = 0f
    private var lastX = 0f
    private var lastY = 0f

    private val pinch = ScaleGestureDetector(context, object : ScaleGestureDetector.SimpleOnScaleGestureListener() {
        override fun onScale(detector: ScaleGestureDetector): Boolean {
            val next = (scale * detector.scaleFactor).coerceIn(1f, MOST)
            // The point between the fingers stays where it is.
            x = detector.focusX - (detector.focusX - x) * next / scale
            y = detector.focusY - (detector.focusY - y) * next / scale
            scale = next
            place()
            return true
        }
    })

    init {
        scaleType = ScaleType.MATRIX
        contentDescription = name
        setImageDrawable(picture)
    }

    override fun onSizeChanged(w: Int, h: Int, oldw: Int, oldh: Int) = place()

    @SuppressLint("ClickableViewAccessibility")
    override fun onTouchEvent(event: MotionEvent): Boolean {
        pinch.onTouchEvent(event)
        when (event.actionMasked) {
            MotionEvent.ACTION_MOVE -> if (!pinch.isInProgress && event.pointerCount == 1) {
                x += event.x - lastX
                y += event.y - lastY
                place()
            }
        }
        lastX = event.x
        lastY = event.y
        return true
    }

    private fun place() {
        val fit = minOf(width / picture.intrinsicWidth.coerceAtLeast(1).toFloat(), height / picture.intrinsicHeight.coerceAtLeast(1).toFloat())
        val (w, h) = picture.intrinsicWidth * fit * scale to picture.intrinsicHeight * fit * scale
        // Not out of the screen; smaller than the screen it stands in the middle.
        x = if (w <= width) (width - w) / 2 else x.coerceIn(width - w, 0f)
        y = if (h <= height) (height - h) / 2 else y.coerceIn(height - h, 0f)
        drawn.setScale(fit * scale, fit * scale)
        drawn.postTranslate(x, y)
        imageMatrix = drawn
    }

    private companion object {
        const val MOST = 6f
    }
}
