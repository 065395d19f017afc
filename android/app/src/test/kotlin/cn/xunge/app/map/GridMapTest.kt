package cn.xunge.app.map

import android.os.Looper
import android.os.SystemClock
import android.view.MotionEvent
import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.Stage
import cn.xunge.app.Variant
import cn.xunge.app.XungeRunner
import cn.xunge.app.kit.IconButton
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Tone
import cn.xunge.app.pages.DrawnGrid
import cn.xunge.core.PointE7
import cn.xunge.ids.TaskKey
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import java.time.Duration

/** What fingers do on a map. */
@RunWith(XungeRunner::class)
class GridMapTest {
    private val middle = PointE7(438_700_000, 1_253_300_000)
    private val drawn = DrawnGrid(middle)
    private lateinit var stage: ActivityController<Stage>
    private val touches = ArrayList<MapTouch>()
    private val areas = ArrayList<Area>()
    private val moves = ArrayList<PointE7>()

    private fun map(aims: Boolean = false, scene: MapScene = MapScene(drawn.grid())): GridMap {
        lateinit var frame: MapFrame
        stage = Gallery.stage(Variant.LIGHT) {
            MapFrame(it, aims).also { made ->
                frame = made
                made.map.onTouch = touches::add
                made.map.onArea = areas::add
                made.map.onMoved = { at, _ -> moves.add(at) }
                made.map.lookAt(middle)
                made.map.show(scene)
            }
        }
        Gallery.draw("map-view", Variant.LIGHT, stage.get().window.decorView)
        return frame.map
    }

    private fun send(view: View, action: Int, at: Long, vararg fingers: Pair<Float, Float>) {
        val properties = fingers.indices.map { number -> MotionEvent.PointerProperties().apply { id = number } }.toTypedArray()
        val places = fingers.map { (toX, toY) -> MotionEvent.PointerCoords().apply { x = toX; y = toY; pressure = 1f; size = 1f } }.toTypedArray()
        val event = MotionEvent.obtain(begun, at, action, fingers.size, properties, places, 0, 0, 1f, 1f, 0, 0, 0, 0)
        view.dispatchTouchEvent(event)
        event.recycle()
    }

    private val begun = SystemClock.uptimeMillis()

    private fun tap(view: View, x: Float, y: Float) {
        send(view, MotionEvent.ACTION_DOWN, begun, x to y)
        send(view, MotionEvent.ACTION_UP, begun + 40, x to y)
        // A second tap would make it a double tap: the map waits for one.
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofSeconds(1))
    }

    private fun drag(view: View, byX: Float, byY: Float) {
        val (x, y) = view.width / 2f to view.height / 2f
        send(view, MotionEvent.ACTION_DOWN, begun, x to y)
        for (step in 1..10) send(view, MotionEvent.ACTION_MOVE, begun + step * 16, x + byX * step / 10 to y + byY * step / 10)
        send(view, MotionEvent.ACTION_UP, begun + 200, x + byX to y + byY)
    }

    @Test
    fun `it begins 330 m across and asks for more than is seen, once`() {
        val map = map()
        assertEquals(330.0 / map.width, map.sight!!.metresPerPx, 1e-9)
        assertEquals(1, areas.size)
        assertTrue(map.sight!!.area(map.width, map.height) in areas[0])
    }

    @Test
    fun `a finger drags the map, and the ground stays under it`() {
        val map = map()
        val before = map.sight!!
        drag(map, -200f, 100f)
        val after = map.sight!!
        assertTrue(after.centre.lon > before.centre.lon && after.centre.lat > before.centre.lat)
        // Within the slop that tells a drag from a tap.
        assertEquals(200.0, before.x(after.centre.lon).toDouble(), 40.0)
        assertEquals(after.centre, moves.last())
        // A little way is in what was asked for; far away is asked for again.
        assertEquals(1, areas.size)
        repeat(4) { drag(map, -300f, 0f) }
        assertTrue(areas.size > 1)
        assertTrue(map.sight!!.area(map.width, map.height) in areas.last())
    }

    @Test
    fun `two fingers enlarge around their middle`() {
        val map = map()
        val before = map.sight!!
        val (x, y) = 370f to 300f
        val kept = before.at(x - map.width / 2f, y - map.height / 2f)
        send(map, MotionEvent.ACTION_DOWN, begun, x - 180 to y)
        send(map, MotionEvent.ACTION_POINTER_DOWN or (1 shl MotionEvent.ACTION_POINTER_INDEX_SHIFT), begun + 10, x - 180 to y, x + 180 to y)
        for (step in 1..12) send(map, MotionEvent.ACTION_MOVE, begun + 10 + step * 16, x - 180 - step * 13 to y, x + 180 + step * 13 to y)
        send(map, MotionEvent.ACTION_POINTER_UP or (1 shl MotionEvent.ACTION_POINTER_INDEX_SHIFT), begun + 300, x - 336 to y, x + 336 to y)
        send(map, MotionEvent.ACTION_UP, begun + 310, x - 336 to y)
        val after = map.sight!!
        assertTrue("${before.metresPerPx / after.metresPerPx}", before.metresPerPx / after.metresPerPx > 1.5)
        assertEquals(x, map.width / 2f + after.x(kept.lon), 40f)
        assertEquals(y, map.height / 2f + after.y(kept.lat), 40f)
    }

    @Test
    fun `a tap on the ground says where it was`() {
        val map = map()
        tap(map, 150f, 220f)
        val spot = touches.single() as MapTouch.Spot
        val wanted = map.sight!!.at(150f - map.width / 2f, 220f - map.height / 2f)
        assertEquals(wanted, spot.at)
        val cell = drawn.grid().cells.single { MapPaths.holds(it.ring, spot.at) }
        assertNotNull(cell)
    }

    @Test
    fun `a tap on a pin says which tasks it is, several where they stand together`() {
        val mark = Mark(cn.xunge.app.R.drawable.ic_timer, Tone.WARNING, "")
        val near = PointE7(middle.lat, middle.lon + 200)
        val map = map(scene = MapScene(drawn.grid(), pins = listOf(MapPin(TaskKey("a"), middle, mark), MapPin(TaskKey("b"), near, mark))))
        // The disc stands above its place.
        tap(map, map.width / 2f, map.height / 2f - 40)
        assertEquals(MapTouch.Tasks(listOf(TaskKey("a"), TaskKey("b"))), touches.single())
    }

    @Test
    fun `on a map with a fixed pin a tap brings the place under the pin`() {
        val map = map(aims = true)
        val wanted = map.sight!!.at(-100f, 60f)
        tap(map, map.width / 2f - 100, map.height / 2f + 60)
        assertEquals(wanted, map.sight!!.centre)
        assertEquals(wanted, moves.single())
        assertTrue(touches.isEmpty())
    }

    @Test
    fun `buttons enlarge and reduce, within bounds, for those who cannot pinch`() {
        val map = map()
        fun press(name: String) = buttons(stage.get().window.decorView).single { it.contentDescription == name }.performClick()
        val before = map.sight!!
        press("放大")
        assertEquals(before.metresPerPx / 2, map.sight!!.metresPerPx, 1e-9)
        repeat(30) { press("放大") }
        assertEquals(60.0 / map.width, map.sight!!.metresPerPx, 1e-9)
        repeat(30) { press("缩小") }
        assertEquals(60_000.0 / map.width, map.sight!!.metresPerPx, 1e-6)
        assertEquals(before.centre, map.sight!!.centre)
    }

    private fun buttons(view: View): List<IconButton> = when (view) {
        is IconButton -> listOf(view)
        is android.view.ViewGroup -> (0 until view.childCount).flatMap { buttons(view.getChildAt(it)) }
        else -> emptyList()
    }
}
