package cn.xunge.app.pages

import cn.xunge.core.BorderKind
import cn.xunge.core.BorderOnMap
import cn.xunge.core.Cell
import cn.xunge.core.CellOnMap
import cn.xunge.core.GridOnMap
import cn.xunge.core.MapDetail
import cn.xunge.core.PointE7
import cn.xunge.ids.CellNumber
import kotlin.math.cos
import kotlin.math.sin

/**
 * A drawn grid around a point: cells of about 100 m in rows that lean a little, communities of 4 by 4 cells, streets of 2 by 1
 * communities. Nothing of it was surveyed.
 */
internal class DrawnGrid(private val around: PointE7, private val side: Int = 16) {
    private fun corner(i: Int, j: Int): PointE7 {
        // Moved a little by a fixed pattern, so that no two cells are alike.
        val (right, up) = (i - side / 2) * STEP + (i * 37 + j * 61) % 17 to (j - side / 2) * STEP * 1.15 + (i * 53 + j * 29) % 15
        val (x, y) = right * cos(LEAN) - up * sin(LEAN) to right * sin(LEAN) + up * cos(LEAN)
        return PointE7(around.lat + (y / 0.0111132).toInt(), around.lon + (x / 0.00803).toInt())
    }

    private fun community(i: Int, j: Int) = i / 4 to j / 4

    private fun street(i: Int, j: Int) = i / 8 to j / 4

    private fun code(i: Int, j: Int): CellNumber {
        val (column, row) = community(i, j)
        val (streetColumn, streetRow) = street(i, j)
        return CellNumber("220104%02d%02d%02d".format(1 + streetColumn + streetRow * (side / 8), 1 + column % 2, 1 + i % 4 + (3 - j % 4) * 4))
    }

    fun cell(i: Int, j: Int): Cell {
        val code = code(i, j)
        val community = listOf("同光路东社区", "同光路西社区")[(i / 4) % 2]
        return Cell("${code.text.substring(6).chunked(2).joinToString("-")} 桂林街道 $community", code, "桂林街道", community)
    }

    fun centre(i: Int, j: Int) = listOf(corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)).let { ring ->
        PointE7(ring.sumOf { it.lat.toLong() }.div(4).toInt(), ring.sumOf { it.lon.toLong() }.div(4).toInt())
    }

    private fun flat(vararg points: PointE7) = points.flatMap { listOf(it.lat, it.lon) }

    fun grid(detail: MapDetail = MapDetail.CELLS, isGenerated: Boolean = true): GridOnMap {
        val all = (0 until side).flatMap { j -> (0 until side).map { i -> i to j } }
        val cells = all.map { (i, j) -> CellOnMap(cell(i, j), flat(corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)), centre(i, j)) }
        val borders = all.flatMap { (i, j) ->
            listOfNotNull(
                border(i, j, i - 1, j)?.let { BorderOnMap(it, flat(corner(i, j), corner(i, j + 1))) },
                border(i, j, i, j - 1)?.let { BorderOnMap(it, flat(corner(i, j), corner(i + 1, j))) },
                BorderOnMap(BorderKind.OUTER, flat(corner(i + 1, j), corner(i + 1, j + 1))).takeIf { i == side - 1 },
                BorderOnMap(BorderKind.OUTER, flat(corner(i, j + 1), corner(i + 1, j + 1))).takeIf { j == side - 1 },
            )
        }
        return GridOnMap(isGenerated, detail, cells.sortedBy { it.cell.code.text }.takeIf { detail == MapDetail.CELLS }.orEmpty(), borders)
    }

    private fun border(i: Int, j: Int, toI: Int, toJ: Int): BorderKind? = when {
        toI < 0 || toJ < 0 -> BorderKind.OUTER
        street(i, j) != street(toI, toJ) -> BorderKind.STREET
        community(i, j) != community(toI, toJ) -> BorderKind.COMMUNITY
        else -> null
    }

    private companion object {
        const val STEP = 95
        const val LEAN = -0.13
    }
}
