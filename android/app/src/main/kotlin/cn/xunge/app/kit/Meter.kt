package cn.xunge.app.kit

import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.graphics.Path
import android.graphics.RectF
import android.view.View
import cn.xunge.app.R

/** A part of a bar: [share] of the whole, from 0 to 1. */
data class Part(val share: Float, val tone: Tone)

/** A bar of progress. It says nothing by itself: the words beside it do. */
class Meter(context: Context, private val thick: Number = 12) : View(context) {
    private val paint = Paint(Paint.ANTI_ALIAS_FLAG)
    private val round = Path()
    private var parts = emptyList<Part>()

    constructor(context: Context, vararg parts: Part) : this(context) {
        show(parts.toList())
    }

    init {
        importantForAccessibility = IMPORTANT_FOR_ACCESSIBILITY_NO
    }

    fun show(parts: List<Part>) {
        this.parts = parts
        invalidate()
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        setMeasuredDimension(getDefaultSize(0, widthMeasureSpec), tokens.dp(thick))
    }

    override fun onSizeChanged(w: Int, h: Int, oldw: Int, oldh: Int) {
        round.reset()
        round.addRoundRect(RectF(0f, 0f, w.toFloat(), h.toFloat()), h / 2f, h / 2f, Path.Direction.CW)
    }

    override fun onDraw(canvas: Canvas) {
        canvas.clipPath(round)
        canvas.drawColor(tokens.color(R.color.neutral_soft))
        var left = 0f
        for (part in parts) {
            val right = left + part.share.coerceIn(0f, 1f) * width
            paint.color = tokens.color(part.tone.color)
            canvas.drawRect(left, 0f, right, height.toFloat(), paint)
            left = right + tokens.dp(2)
        }
    }
}
