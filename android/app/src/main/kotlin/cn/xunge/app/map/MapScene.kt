package cn.xunge.app.map

import cn.xunge.app.kit.Mark
import cn.xunge.core.GridOnMap
import cn.xunge.core.PointE7
import cn.xunge.ids.CellNumber
import cn.xunge.ids.TaskKey

/** Where the handset is. [isNow] is false for the last fix while the place is sought. */
data class MapHere(val at: PointE7, val accuracyCm: UInt, val isNow: Boolean)

/** A task on the map: the icon and the tone of its state. */
data class MapPin(val task: TaskKey, val at: PointE7, val mark: Mark)

/**
 * What a map shows.
 *
 * @param grid null while there is none
 * @param own the cell that the handset is in
 * @param candidates cells that the handset may also be in
 * @param selected the cell that the person touched or chose
 * @param chosen the tasks that the person touched
 */
data class MapScene(
    val grid: GridOnMap? = null,
    val here: MapHere? = null,
    val own: CellNumber? = null,
    val candidates: List<CellNumber> = emptyList(),
    val selected: CellNumber? = null,
    val pins: List<MapPin> = emptyList(),
    val chosen: List<TaskKey> = emptyList(),
)

/** What a tap on a map hit: tasks, or else the ground. */
sealed class MapTouch {
    data class Tasks(val tasks: List<TaskKey>) : MapTouch()

    data class Spot(val at: PointE7) : MapTouch()
}
