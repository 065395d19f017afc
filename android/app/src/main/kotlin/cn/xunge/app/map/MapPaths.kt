package cn.xunge.app.map

import android.graphics.Matrix
import android.graphics.Path
import cn.xunge.core.BorderKind
import cn.xunge.core.CellOnMap
import cn.xunge.core.GridOnMap
import cn.xunge.core.MapDetail
import cn.xunge.core.PointE7
import cn.xunge.ids.CellNumber
import kotlin.math.abs
import kotlin.math.sqrt

/** The lines of a piece of grid, in metres from [anchor]; and in pixels, kept as long as the zoom stays. */
internal class MapPaths(val grid: GridOnMap) {
    private val cells: Map<CellNumber, CellOnMap> = grid.cells.associateBy { it.cell.code }

    val anchor: PointE7 = grid.cells.firstOrNull()?.centre ?: grid.borders.firstOrNull()?.let { PointE7(it.points[0], it.points[1]) } ?: PointE7(0, 0)

    private val lonMetres = Sight.metresPerLon(anchor.lat)

    /** The middle of the cells' sides in metres. */
    val cellSide: Double

    val hasCells: Boolean get() = grid.detail == MapDetail.CELLS

    private val tints = List(TINTS) { Path() }
    private val rings = Path()
    private val borders = BorderKind.entries.associateWith { Path() }
    private var zoom = 0.0
    private val scaled = HashMap<Path, Path>()

    init {
        val sides = ArrayList<Double>(grid.cells.size)
        for (cell in grid.cells) {
            val ring = path(cell.ring, closed = true)
            tints[tint(cell)].addPath(ring)
            rings.addPath(ring)
            sides.add(sqrt(area(cell.ring)))
        }
        cellSide = sides.sorted().getOrElse(sides.size / 2) { 0.0 }
        for (border in grid.borders) borders.getValue(border.kind).addPath(path(border.points, closed = false))
    }

    fun tint(number: Int, metresPerPx: Double) = at(tints[number], metresPerPx)

    fun rings(metresPerPx: Double) = at(rings, metresPerPx)

    fun border(kind: BorderKind, metresPerPx: Double) = at(borders.getValue(kind), metresPerPx)

    /** The outline of one cell; null for one that is not in this piece. */
    fun cell(code: CellNumber, metresPerPx: Double): Path? {
        val ring = cells[code]?.ring ?: return null
        return path(ring, closed = true).apply { transform(scale(metresPerPx)) }
    }

    fun centre(code: CellNumber): PointE7? = cells[code]?.centre

    private fun at(path: Path, metresPerPx: Double): Path {
        if (zoom != metresPerPx) scaled.clear()
        zoom = metresPerPx
        return scaled.getOrPut(path) { Path().also { path.transform(scale(metresPerPx), it) } }
    }

    private fun scale(metresPerPx: Double) = Matrix().apply { setScale((1 / metresPerPx).toFloat(), (1 / metresPerPx).toFloat()) }

    private fun path(points: List<Int>, closed: Boolean) = Path().apply {
        for (at in 0 until points.size - 1 step 2) {
            val x = ((points[at + 1].toLong() - anchor.lon) * lonMetres).toFloat()
            val y = ((anchor.lat.toLong() - points[at]) * Sight.METRES_PER_LAT).toFloat()
            if (at == 0) moveTo(x, y) else lineTo(x, y)
        }
        if (closed) close()
    }

    private fun area(ring: List<Int>): Double {
        var twice = 0.0
        for (at in 0 until ring.size - 1 step 2) {
            val next = (at + 2) % ring.size
            twice += (ring[at + 1].toDouble() - anchor.lon) * (ring[next].toDouble() - anchor.lat) -
                (ring[next + 1].toDouble() - anchor.lon) * (ring[at].toDouble() - anchor.lat)
        }
        return abs(twice) / 2 * lonMetres * Sight.METRES_PER_LAT
    }

    companion object {
        const val TINTS = 4

        /** The tint of the cell's community: its neighbours in the list of codes have others. */
        private fun tint(cell: CellOnMap): Int {
            val code = cell.cell.code.text
            return (code.substring(6, 8).toInt() * 2 + code.substring(8, 10).toInt()) % TINTS
        }

        /** Whether the point is inside of the ring: latitudes and longitudes in turn. */
        fun holds(ring: List<Int>, point: PointE7): Boolean {
            var inside = false
            for (at in 0 until ring.size - 1 step 2) {
                val next = (at + 2) % ring.size
                val (lat, lon) = ring[at].toLong() to ring[at + 1].toLong()
                val (toLat, toLon) = ring[next].toLong() to ring[next + 1].toLong()
                if ((lat > point.lat) == (toLat > point.lat)) continue
                val cut = lon + (toLon - lon).toDouble() * (point.lat - lat) / (toLat - lat)
                if (point.lon < cut) inside = !inside
            }
            return inside
        }
    }
}
