package cn.xunge.app.walk

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.view.View
import android.view.ViewGroup
import cn.xunge.app.XungeRunner
import cn.xunge.app.kit.RowList
import cn.xunge.app.pages.FakeCamera
import cn.xunge.conformance.Rig
import cn.xunge.core.use
import cn.xunge.ids.MatterNumber
import com.sun.management.OperatingSystemMXBean
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.annotation.Config
import java.io.File
import java.lang.management.ManagementFactory
import java.util.Locale

/**
 * What the app costs, on the JVM of this machine as a stand-in for a phone: the order of size, and what grew. The CPU time
 * is of the whole process with the core, the compiler and the collector; nothing is asserted about it. Each subclass is one
 * run in a JVM of its own; `cargo xtask bench android` starts them and takes the median.
 */
@Config(sdk = [35], qualifiers = "zh-rCN-w360dp-h720dp-port-xhdpi")
abstract class Figures : Walk() {
    private val system = ManagementFactory.getOperatingSystemMXBean() as OperatingSystemMXBean
    private val heap = ManagementFactory.getMemoryPoolMXBeans().filter { it.type == java.lang.management.MemoryType.HEAP }

    private fun measured(name: String, act: () -> Unit) {
        System.gc()
        heap.forEach { it.resetPeakUsage() }
        // The kernel's peak of resident memory begins again.
        File("/proc/self/clear_refs").writeText("5")
        val (began, cpu) = System.nanoTime() to system.processCpuTime
        act()
        val (wall, used) = System.nanoTime() - began to system.processCpuTime - cpu
        val peak = heap.sumOf { it.peakUsage.used } / MB
        val resident = File("/proc/self/status").readLines().first { it.startsWith("VmHWM:") }.filter(Char::isDigit).toLong() / 1024
        println("figure=%s cpu_ms=%d wall_ms=%d heap_mb=%d resident_mb=%d".format(Locale.ROOT, name, used / NS, wall / NS, peak, resident))
    }

    /** The screen of the phone; one for all that is drawn, so that it does not count as the app's memory. */
    private val bitmap: Bitmap by lazy { hand.root().run { Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888) } }

    private fun draw() = hand.root().draw(Canvas(bitmap))

    private fun list(view: View = hand.root()): RowList? = when (view) {
        is RowList -> view
        is ViewGroup -> (0 until view.childCount).firstNotNullOfOrNull { list(view.getChildAt(it)) }
        else -> null
    }

    /** Photos of the size that the app asks of a camera: at most 8.3 million pixels. */
    private fun photos(): List<File> = listOf("brook", "bridge", "path").map { name ->
        val small = BitmapFactory.decodeFile("../../tests/photos/$name.jpg")
        val file = File(app.cacheDir, "$name-large.jpg")
        file.outputStream().use { Bitmap.createScaledBitmap(small, 3264, 2448, true).compress(Bitmap.CompressFormat.JPEG, 92, it) }
        file
    }

    private fun fill(items: Int) {
        for (at in 1..items) {
            app.session.handset.newReport().use { draft ->
                draft.matter(MatterNumber("E0102"))
                draft.text("第 $at 件")
                draft.submit()
            }
        }
    }

    @Test
    fun `start, queue and report`() {
        camera = FakeCamera(photos())
        enrol(Rig.invite("790"))
        stand(Rig.CELL)
        Rig.line("down")
        measured("report_with_three_photos") {
            hand.press("上报")
            shoot()
            hand.type("bllj", at = "搜索，如“井盖”或 jg")
            hand.press("暴露垃圾")
            for (number in 2..3) {
                hand.press("再拍一张")
                shoot()
                hand.awaits("照片 $number")
            }
            hand.press("提交")
            hand.awaits("已保存在本机")
            draw()
        }
        hand.press("回今日")
        fill(ITEMS)
        hand.press("我的")
        measured("queue_1000_first_draw") {
            hand.press("我报的")
            hand.awaits("第 $ITEMS 件")
            draw()
        }
        val list = checkNotNull(list()) { "no list" }
        var screens = 0
        var most = list.childCount
        measured("queue_1000_scrolled_to_its_end") {
            hand.until("scrolls to the first report of all") {
                // What is read meanwhile is drawn with the next screen.
                while (list.canScrollList(1)) {
                    list.scrollListBy(list.height)
                    draw()
                    screens++
                    most = maxOf(most, list.childCount)
                }
                // The row of the report before it says photos only while no try has failed.
                hand.sees("暴露垃圾，第 1 件")
            }
        }
        println("figure_note=$screens screens, at most $most rows of ${list.count} lines in the list at a time")
        val kept = Processes.kill(screen, app)
        measured("start_to_today") {
            Processes.start()
            equip()
            open(null)
            hand.awaits("1001 条待上传")
            draw()
        }
        assertEquals(false, kept.isEmpty)
    }

    private companion object {
        const val ITEMS = 1000
        const val MB = 1_000_000L
        const val NS = 1_000_000L
    }
}

@RunWith(XungeRunner::class)
class FiguresOne : Figures()

@RunWith(XungeRunner::class)
class FiguresTwo : Figures()

@RunWith(XungeRunner::class)
class FiguresThree : Figures()
