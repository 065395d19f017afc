package cn.xunge.app.map

import android.graphics.RectF

/** The places on a map that are taken: labels never overlap each other, pins or buttons. */
internal class MapLabels(private val width: Float, private val height: Float) {
    private val taken = ArrayList<RectF>()

    fun take(place: RectF) {
        taken.add(place)
    }

    /**
     * The middle of a label of this size at a point or, where it is taken, at one of six places around it; null if all
     * are. [fits] says whether a place still belongs to what the label names.
     */
    fun place(x: Float, y: Float, wide: Float, high: Float, fits: (Float, Float) -> Boolean): Pair<Float, Float>? {
        for ((right, down) in PLACES) {
            val (atX, atY) = x + right * wide to y + down * high
            val box = RectF(atX - wide / 2 - GAP, atY - high / 2 - GAP, atX + wide / 2 + GAP, atY + high / 2 + GAP)
            val isShown = box.left >= 0 && box.top >= 0 && box.right <= width && box.bottom <= height
            if (!isShown || taken.any { RectF.intersects(it, box) } || !fits(atX, atY)) continue
            taken.add(box)
            return atX to atY
        }
        return null
    }

    private companion object {
        const val GAP = 4f
        val PLACES = listOf(0f to 0f, 0f to 1.2f, 0f to -1.2f, 1.5f to 0f, -1.5f to 0f, 0f to 2.4f, 0f to -2.4f)
    }
}
