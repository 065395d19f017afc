package cn.xunge.app.pages

import cn.xunge.app.platform.CameraFault
import cn.xunge.app.platform.Frame
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

/** What a frame says is its first byte; 0 is a frame without a code. */
class ScannerTest {
    private val camera = FakeCamera(emptyList())
    private var allowed = true
    private val found = ArrayList<String>()
    private var whileRead: () -> Unit = {}
    private val scanner = Scanner(camera, { allowed }) { frame ->
        whileRead()
        frame.luminance[0].toInt().takeIf { it != 0 }?.toString()
    }

    private fun open() = runBlocking { scanner.open { found += it } }

    private fun sees(code: Int) = camera.look!!(Frame(1, 1, byteArrayOf(code.toByte())))

    @Test
    fun `each code is told once however long the camera sees it`() {
        open()
        listOf(0, 7, 7, 0, 7, 8).forEach(::sees)
        assertEquals(listOf("7", "8"), found)
    }

    @Test
    fun `after the page is left no frame is read, and one that was being read is not told`() {
        open()
        whileRead = { scanner.close() }
        sees(7)
        assertTrue(found.isEmpty())
        whileRead = { error("read after the page was left") }
        sees(7)
        assertFalse(camera.isOpen)
        assertEquals(Scan(), scanner.states.value)
    }

    @Test
    fun `the camera that was closed opens again and sees the same code again`() {
        open()
        sees(7)
        scanner.close()
        open()
        sees(7)
        assertEquals(listOf("7", "7"), found)
    }

    @Test
    fun `without a permission or a camera it says so, and tries again when asked`() {
        allowed = false
        open()
        assertEquals(Lens.Denied, scanner.states.value.lens)
        assertFalse(camera.isOpen)
        allowed = true
        camera.fault = CameraFault.Taken()
        open()
        assertEquals(camera.fault, (scanner.states.value.lens as Lens.Failed).fault)
        camera.fault = null
        open()
        assertTrue(scanner.states.value.lens is Lens.Ready)
    }

    @Test
    fun `a camera that is lost says so`() {
        open()
        val lost = CameraFault.Taken()
        camera.onFault!!(lost)
        assertEquals(Lens.Failed(lost), scanner.states.value.lens)
    }

    @Test
    fun `the lamp is lit only while the camera is open`() {
        scanner.light(true)
        assertFalse(camera.isLit)
        open()
        scanner.light(true)
        assertTrue(camera.isLit && scanner.states.value.isLit)
        scanner.close()
        assertFalse("the lamp goes out with the camera", scanner.states.value.isLit)
    }
}
