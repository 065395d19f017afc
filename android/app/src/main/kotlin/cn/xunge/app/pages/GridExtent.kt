package cn.xunge.app.pages

import cn.xunge.app.map.Area
import cn.xunge.core.GridOnMap
import cn.xunge.core.HandsetInterface

/** The whole earth. */
private val EVERYWHERE = Area(-900_000_000, -1_800_000_000, 900_000_000, 1_800_000_000)

/** Where the grid lies: the box of its borders. Null without a grid. */
internal fun HandsetInterface.gridExtent(): Area? = mapArea(EVERYWHERE.corner, EVERYWHERE.opposite)?.let(::boxOf)

private fun boxOf(grid: GridOnMap): Area? {
    val lines = grid.borders.map { it.points }
    val lats = lines.flatMap { it.filterIndexed { at, _ -> at % 2 == 0 } }
    val lons = lines.flatMap { it.filterIndexed { at, _ -> at % 2 == 1 } }
    return if (lats.isEmpty()) null else Area(lats.min(), lons.min(), lats.max(), lons.max())
}
