package cn.xunge.app.map

import android.content.Context
import android.graphics.Canvas
import android.graphics.Path
import android.graphics.Rect
import android.graphics.RectF
import android.view.Gravity
import android.view.View
import android.widget.FrameLayout
import android.widget.LinearLayout
import cn.xunge.app.R
import cn.xunge.app.kit.Ground
import cn.xunge.app.kit.IconButton
import cn.xunge.app.kit.tokens

/**
 * A map with its buttons: larger, smaller and, if [onOwn] is given, back to the own place.
 *
 * @param rounded the map stands in a column of cards
 */
class MapFrame(context: Context, aims: Boolean = false, private val rounded: Boolean = false, private val onOwn: (() -> Unit)? = null) : FrameLayout(context) {
    val map = GridMap(context, aims)

    private val buttons = LinearLayout(context).apply { orientation = LinearLayout.VERTICAL }
    private val round = Path()

    init {
        addView(map, LayoutParams(LayoutParams.MATCH_PARENT, LayoutParams.MATCH_PARENT))
        onOwn?.let { button(R.drawable.ic_crosshair, R.string.map_own, R.color.brand, it) }
        button(R.drawable.ic_plus, R.string.map_enlarge, R.color.text) { map.enlarge() }
        button(R.drawable.ic_minus, R.string.map_reduce, R.color.text) { map.reduce() }
        val side = tokens.dp(8)
        addView(buttons, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT, Gravity.END or Gravity.BOTTOM).apply { setMargins(side, side, side, side) })
    }

    private fun button(icon: Int, name: Int, color: Int, onClick: () -> Unit) {
        val button = IconButton(context, icon, context.getString(name), color, onClick)
        button.background = Ground(context, tokens.color(R.color.surface), tokens.color(R.color.neutral_soft), tokens.color(R.color.line_strong), stroke = 1f, radius = 12f)
        buttons.addView(button, LinearLayout.LayoutParams(tokens.dp(48), tokens.dp(48)).apply { if (buttons.childCount > 0) topMargin = tokens.dp(8) })
    }

    override fun onLayout(changed: Boolean, left: Int, top: Int, right: Int, bottom: Int) {
        super.onLayout(changed, left, top, right, bottom)
        map.covered = listOf(Rect(buttons.left, buttons.top, buttons.right, buttons.bottom))
        val corner = tokens.dp(16).toFloat()
        round.reset()
        round.addRoundRect(RectF(0f, 0f, width.toFloat(), height.toFloat()), corner, corner, Path.Direction.CW)
    }

    override fun drawChild(canvas: Canvas, child: View, drawingTime: Long): Boolean {
        if (!rounded) return super.drawChild(canvas, child, drawingTime)
        val saved = canvas.save()
        canvas.clipPath(round)
        return super.drawChild(canvas, child, drawingTime).also { canvas.restoreToCount(saved) }
    }
}
