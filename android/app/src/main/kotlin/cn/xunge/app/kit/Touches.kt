package cn.xunge.app.kit

import android.content.Context
import android.view.GestureDetector
import android.view.MotionEvent
import android.view.ScaleGestureDetector

/** What fingers do to a view that is moved and enlarged by hand. Places and ways are in pixels of the view. */
interface Moved {
    fun drag(byX: Float, byY: Float)

    /** Two fingers around a place: [factor] above 1 enlarges. */
    fun pinch(factor: Float, x: Float, y: Float)

    fun doubleTap(x: Float, y: Float)

    /** One tap that no second one followed. */
    fun tap(x: Float, y: Float) = Unit
}

/** Reads drags, pinches and taps from the events of a view. */
class Touches(context: Context, private val moved: Moved) {
    private val pinch = ScaleGestureDetector(
        context,
        object : ScaleGestureDetector.SimpleOnScaleGestureListener() {
            override fun onScale(detector: ScaleGestureDetector): Boolean {
                moved.pinch(detector.scaleFactor, detector.focusX, detector.focusY)
                return true
            }
        },
    )
    private val touch = GestureDetector(
        context,
        object : GestureDetector.SimpleOnGestureListener() {
            override fun onDown(event: MotionEvent) = true

            override fun onScroll(first: MotionEvent?, event: MotionEvent, byX: Float, byY: Float): Boolean {
                moved.drag(-byX, -byY)
                return true
            }

            override fun onSingleTapConfirmed(event: MotionEvent): Boolean {
                moved.tap(event.x, event.y)
                return true
            }

            override fun onDoubleTap(event: MotionEvent): Boolean {
                moved.doubleTap(event.x, event.y)
                return true
            }
        },
    )

    /** To be called from `onTouchEvent`, whose answer it is. */
    fun take(event: MotionEvent): Boolean {
        pinch.onTouchEvent(event)
        if (!pinch.isInProgress) touch.onTouchEvent(event)
        return true
    }
}
