package cn.xunge.app.map

import cn.xunge.core.PointE7
import kotlin.math.cos
import kotlin.math.roundToInt

/** A rectangle of WGS-84 points. */
data class Area(val south: Int, val west: Int, val north: Int, val east: Int) {
    val corner get() = PointE7(south, west)
    val opposite get() = PointE7(north, east)
    val centre get() = PointE7(middle(south, north), middle(west, east))

    operator fun contains(other: Area) = south <= other.south && west <= other.west && north >= other.north && east >= other.east

    private fun middle(a: Int, b: Int) = ((a.toLong() + b) / 2).toInt()
}

/**
 * What a map view shows of the earth: the point in its middle, and the metres of a pixel. North is up, a degree has the
 * same length everywhere on the screen: over 50 km that is wrong by two pixels at the edge.
 */
data class Sight(val centre: PointE7, val metresPerPx: Double) {
    private val xMetres = metresPerLon(centre.lat)

    /** Pixels to the right of the middle. */
    fun x(lon: Int): Float = ((lon.toLong() - centre.lon) * xMetres / metresPerPx).toFloat()

    /** Pixels below the middle. */
    fun y(lat: Int): Float = ((centre.lat.toLong() - lat) * METRES_PER_LAT / metresPerPx).toFloat()

    /** The point so many pixels right of and below the middle. */
    fun at(x: Float, y: Float) = PointE7(
        (centre.lat - y * metresPerPx / METRES_PER_LAT).roundToInt(),
        (centre.lon + x * metresPerPx / xMetres).roundToInt(),
    )

    /** The map moves with the finger. */
    fun moved(byX: Float, byY: Float) = copy(centre = at(-byX, -byY))

    /** Larger by [factor]; the point so far from the middle stays where it is. */
    fun zoomed(factor: Double, x: Float, y: Float): Sight {
        val kept = at(x, y)
        val larger = copy(metresPerPx = metresPerPx / factor)
        return larger.moved(x - larger.x(kept.lon), y - larger.y(kept.lat))
    }

    /** What a view of this size shows, and [margin] of its size more on each side. */
    fun area(width: Int, height: Int, margin: Float = 0f): Area {
        val (halfX, halfY) = width * (0.5f + margin) to height * (0.5f + margin)
        val (northWest, southEast) = at(-halfX, -halfY) to at(halfX, halfY)
        return Area(southEast.lat, northWest.lon, northWest.lat, southEast.lon)
    }

    companion object {
        const val METRES_PER_LAT = 0.0111132

        fun metresPerLon(lat: Int) = 0.01113194908 * cos(Math.toRadians(lat * 1e-7))

        /** The whole area in a view of this size. */
        fun over(area: Area, width: Int, height: Int): Sight {
            val wide = (area.east.toLong() - area.west) * metresPerLon(area.centre.lat) / width.coerceAtLeast(1)
            val high = (area.north.toLong() - area.south) * METRES_PER_LAT / height.coerceAtLeast(1)
            return Sight(area.centre, maxOf(wide, high))
        }
    }
}
