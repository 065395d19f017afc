package cn.xunge.app.map

import android.content.Context
import android.graphics.Canvas
import android.graphics.Rect
import android.graphics.RectF
import android.view.MotionEvent
import android.view.View
import cn.xunge.app.R
import cn.xunge.app.kit.Moved
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.Touches
import cn.xunge.app.kit.tokens
import cn.xunge.core.BorderKind
import cn.xunge.core.PointE7
import kotlin.math.hypot

/**
 * The grid as a map: one finger moves it, two enlarge it, two taps too. It draws what it was given and asks for the piece
 * of the grid that it needs ([onArea]); nothing comes from a network. Those who cannot pinch have the buttons of [MapFrame].
 *
 * @param aims the place that is chosen is the one in the middle, under a fixed pin
 */
class GridMap(context: Context, private val aims: Boolean = false) : View(context) {
    /** Asked for the grid inside of an area. */
    var onArea: (Area) -> Unit = {}

    var onTouch: (MapTouch) -> Unit = {}

    /** The person moved the map: its middle, and the metres of a dp. */
    var onMoved: (PointE7, Double) -> Unit = { _, _ -> }

    /** What floats over the map and is not to be written under. */
    var covered: List<Rect> = emptyList()

    /** What the map shows; null until it is known where it begins. */
    var sight: Sight? = null
        private set

    private val pen = MapPen(context)
    private val density = context.resources.displayMetrics.density
    var scene = MapScene()
        private set

    private var paths: MapPaths? = null
    private var asked: Area? = null
    private var start: Start? = null
    private var clusters = emptyList<Cluster>()

    private class Cluster(val x: Float, val y: Float, val pins: MutableList<MapPin>)

    private sealed class Start {
        data class At(val point: PointE7) : Start()

        data class Over(val area: Area) : Start()
    }

    private val touches = Touches(
        context,
        object : Moved {
            override fun drag(byX: Float, byY: Float) {
                sight?.let { move(it.moved(byX, byY)) }
            }

            // The fixed pin stays on its place.
            override fun pinch(factor: Float, x: Float, y: Float) =
                if (aims) zoom(factor.toDouble(), width / 2f, height / 2f) else zoom(factor.toDouble(), x, y)

            override fun doubleTap(x: Float, y: Float) = zoom(STEP, x, y)

            override fun tap(x: Float, y: Float) = this@GridMap.tap(x, y)
        },
    )

    init {
        isFocusable = true
    }

    fun show(scene: MapScene) {
        if (scene.grid !== this.scene.grid) paths = scene.grid?.let(::MapPaths)
        this.scene = scene
        invalidate()
    }

    /** Shows a point in the middle, 330 m across unless the person has chosen another zoom. */
    fun lookAt(point: PointE7) {
        val now = sight
        start = Start.At(point)
        if (now != null) look(now.copy(centre = point)) else begin()
    }

    /** Shows all of an area, if nothing was shown before. */
    fun overview(area: Area) {
        if (sight != null || start != null) return
        start = Start.Over(area)
        begin()
    }

    fun enlarge() = zoom(STEP, width / 2f, height / 2f)

    fun reduce() = zoom(1 / STEP, width / 2f, height / 2f)

    override fun onSizeChanged(w: Int, h: Int, oldw: Int, oldh: Int) = begin()

    private fun begin() {
        if (width == 0 || height == 0) return
        val begun = sight ?: when (val start = start) {
            is Start.At -> Sight(start.point, ACROSS / width)
            is Start.Over -> Sight.over(start.area, width, height).let { it.copy(metresPerPx = bounded(it.metresPerPx * ROOM)) }
            null -> return
        }
        look(begun)
    }

    private fun look(to: Sight) {
        sight = to
        val shown = to.area(width, height)
        val before = asked
        // Again where something would be missing, and where so much more was asked for that the cells were left out.
        val isTooWide = before != null && (before.north.toLong() - before.south) > 4 * (shown.north.toLong() - shown.south)
        if (before == null || shown !in before || isTooWide) {
            asked = to.area(width, height, MARGIN)
            asked?.let(onArea)
        }
        invalidate()
    }

    private fun move(to: Sight) {
        look(to)
        onMoved(to.centre, to.metresPerPx * density)
    }

    private fun bounded(metresPerPx: Double) = metresPerPx.coerceIn(LEAST_ACROSS / width, MOST_ACROSS / width)

    private fun zoom(factor: Double, x: Float, y: Float) {
        val now = sight ?: return
        move(now.zoomed(now.metresPerPx / bounded(now.metresPerPx / factor), x - width / 2f, y - height / 2f))
    }

    private fun tap(x: Float, y: Float) {
        val now = sight ?: return
        val hit = clusters.filter { MapPen.place(it.x, it.y, density).contains(x, y) }.minByOrNull { hypot(it.x - x, it.y - y) }
        val point = now.at(x - width / 2f, y - height / 2f)
        when {
            hit != null -> onTouch(MapTouch.Tasks(hit.pins.map { it.task }))
            aims -> move(now.copy(centre = point))
            else -> onTouch(MapTouch.Spot(point))
        }
    }

    @Suppress("ClickableViewAccessibility") // What a tap does is in the list below the map too.
    override fun onTouchEvent(event: MotionEvent): Boolean {
        if (event.actionMasked == MotionEvent.ACTION_DOWN) parent?.requestDisallowInterceptTouchEvent(true)
        return touches.take(event)
    }

    override fun onDraw(canvas: Canvas) {
        val now = sight
        canvas.drawColor(tokens.color(if (paths?.hasCells == true) R.color.map_outside else R.color.map_land))
        if (now == null) return
        paths?.let { grid(canvas, now, it) }
        val labels = MapLabels(width.toFloat(), height.toFloat())
        covered.forEach { labels.take(RectF(it)) }
        clusters = clusters(now)
        clusters.forEach { labels.take(MapPen.place(it.x, it.y, 0.8f * density)) }
        val here = scene.here?.let { Triple(it, screenX(now, it.at), screenY(now, it.at)) }
        here?.let { (here, x, y) ->
            val radius = (here.accuracyCm.toInt() / 100.0 / now.metresPerPx).toFloat()
            pen.circle(canvas, x, y, radius, R.color.info, 0.2f, R.color.info, 2f)
            labels.take(RectF(x - 14 * density, y - 14 * density, x + 14 * density, y + 14 * density))
        }
        if (aims) labels.take(RectF(width / 2f - 16 * density, height / 2f - 40 * density, width / 2f + 16 * density, height / 2f + 6 * density))
        scale(canvas, now, labels)
        val note = note()?.also { labels.take(it.second) }
        paths?.let { numbers(canvas, now, it, labels) }
        clusters.forEach { draw(canvas, it) }
        // Under the fixed pin the dot could not be told from it.
        here?.takeUnless { (_, x, y) -> aims && hypot(x - width / 2f, y - height / 2f) < 20 * density }?.let { (here, x, y) -> pen.dot(canvas, x, y, here.isNow) }
        note?.let { (words, box) -> pen.chip(canvas, words, box) }
        if (aims) pen.aim(canvas, width / 2f, height / 2f)
    }

    private fun screenX(sight: Sight, point: PointE7) = width / 2f + sight.x(point.lon)

    private fun screenY(sight: Sight, point: PointE7) = height / 2f + sight.y(point.lat)

    private fun grid(canvas: Canvas, now: Sight, paths: MapPaths) {
        val zoom = now.metresPerPx
        canvas.save()
        canvas.translate(screenX(now, paths.anchor), screenY(now, paths.anchor))
        TINTS.forEachIndexed { number, color -> pen.fill(canvas, paths.tint(number, zoom), color) }
        if (paths.cellSide / zoom >= LEAST_CELL * density) pen.stroke(canvas, paths.rings(zoom), R.color.map_cell, 1f)
        pen.stroke(canvas, paths.border(BorderKind.COMMUNITY, zoom), R.color.map_community, 1f)
        pen.stroke(canvas, paths.border(BorderKind.STREET, zoom), R.color.map_street, 1.2f)
        pen.stroke(canvas, paths.border(BorderKind.OUTER, zoom), R.color.map_street, 2.5f)
        scene.own?.let { paths.cell(it, zoom) }?.let { pen.fill(canvas, it, R.color.brand, 0.12f) }
        for (cell in scene.candidates.mapNotNull { paths.cell(it, zoom) }) {
            pen.fill(canvas, cell, R.color.brand, 0.08f)
            pen.stroke(canvas, cell, R.color.brand, 2f, dashed = true)
        }
        scene.selected?.let { paths.cell(it, zoom) }?.let {
            pen.fill(canvas, it, R.color.brand, 0.12f)
            pen.stroke(canvas, it, R.color.brand, 2.5f)
        }
        canvas.restore()
    }

    /** The cells' numbers, first of those that matter. */
    private fun numbers(canvas: Canvas, now: Sight, paths: MapPaths, labels: MapLabels) {
        val high = pen.height(Size.BODY)
        if (paths.cellSide / now.metresPerPx < 2.5 * high) return
        val first = listOfNotNull(scene.selected, scene.own) + scene.candidates
        val (important, others) = paths.grid.cells.partition { it.cell.code in first }
        for (cell in important + others) {
            val number = cell.cell.code.text.takeLast(2)
            val wide = pen.width(number, Size.BODY, bold = true)
            // A cell whose middle is outside of the view has its number where it is seen.
            val x = screenX(now, cell.centre).coerceIn(wide, width - wide)
            val y = screenY(now, cell.centre).coerceIn(high, height - high)
            val (atX, atY) = labels.place(x, y, wide, high) { toX, toY ->
                // Not across a border: the number would seem to be the neighbour's.
                listOf(-wide / 2, wide / 2).all { MapPaths.holds(cell.ring, now.at(toX + it - width / 2f, toY - height / 2f)) }
            } ?: continue
            pen.words(canvas, number, atX, atY, Size.BODY, bold = true)
        }
    }

    /** Pins that would cover each other are one. */
    private fun clusters(now: Sight): List<Cluster> {
        val found = ArrayList<Cluster>()
        for (pin in scene.pins) {
            val (x, y) = screenX(now, pin.at) to screenY(now, pin.at)
            if (x < -OUT * density || y < 0 || x > width + OUT * density || y > height + OUT * 2 * density) continue
            val near = found.firstOrNull { hypot(it.x - x, it.y - y) < (MapPen.PIN + 2) * density }
            if (near == null) found.add(Cluster(x, y, arrayListOf(pin))) else near.pins.add(pin)
        }
        return found.sortedBy { it.y }
    }

    private fun draw(canvas: Canvas, cluster: Cluster) {
        val one = cluster.pins.singleOrNull()
        if (one != null) return pen.pin(canvas, cluster.x, cluster.y, one.mark.icon, one.mark.tone, isSelected = one.task in scene.chosen)
        val tone = URGENT.firstOrNull { tone -> cluster.pins.any { it.mark.tone == tone } } ?: Tone.NEUTRAL
        pen.cluster(canvas, cluster.x, cluster.y, cluster.pins.size, tone)
    }

    private fun scale(canvas: Canvas, now: Sight, labels: MapLabels) {
        val metres = SCALES.firstOrNull { it / now.metresPerPx > 56 * density } ?: SCALES.last()
        val words = if (metres < 1_000) context.getString(R.string.map_metres, metres) else context.getString(R.string.map_kilometres, metres / 1_000)
        val wide = (metres / now.metresPerPx).toFloat()
        val (left, bottom) = 12 * density to height - 10 * density
        val box = RectF(left, bottom - 8 * density - pen.height(Size.CAPTION) * 1.2f, left + maxOf(wide, pen.width(words, Size.CAPTION, false)), bottom)
        labels.take(box)
        pen.scale(canvas, left, bottom, wide, words)
    }

    /** Borders that nobody surveyed are not to be taken for real ones. */
    private fun note(): Pair<String, RectF>? {
        if (scene.grid?.isGenerated != true) return null
        val words = context.getString(R.string.map_generated)
        val left = 8 * density
        return words to RectF(left, left, left + pen.width(words, Size.CAPTION, bold = false) + 16 * density, left + pen.height(Size.CAPTION) + 12 * density)
    }

    private companion object {
        /** Metres across the view at first, at the nearest and at the widest. */
        const val ACROSS = 330.0
        const val LEAST_ACROSS = 60.0
        const val MOST_ACROSS = 60_000.0

        /** Around an area that is shown whole. */
        const val ROOM = 1.1

        const val STEP = 2.0

        /** How much more than is seen is asked for on each side. */
        const val MARGIN = 0.5f

        /** Dp of the side of a cell below which its lines are not drawn. */
        const val LEAST_CELL = 13

        /** Dp that a pin reaches into the view from outside. */
        const val OUT = 20

        val TINTS = listOf(R.color.map_t0, R.color.map_t1, R.color.map_t2, R.color.map_t3)
        val SCALES = listOf(10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
        val URGENT = listOf(Tone.DANGER, Tone.WARNING, Tone.INFO)
    }
}
