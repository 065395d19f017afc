package cn.xunge.app.platform

import com.google.zxing.BarcodeFormat
import com.google.zxing.EncodeHintType
import com.google.zxing.common.BitMatrix
import com.google.zxing.qrcode.QRCodeWriter
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test
import java.nio.ByteBuffer
import java.util.Random
import kotlin.math.cos
import kotlin.math.sin

/** Frames as a camera gives them: a code somewhere in a scene, turned, dim, noisy. */
class QrReaderTest {
    private val invitation = "xunge1:" + "eyJ2IjoxLCJzZXJ2ZXIiOiJodHRwczovL3h1bmdlLmNoYW95YW5nLmV4YW1wbGUiLCJwaW5zIjpbImtYN1".repeat(2)
    private val code: BitMatrix = QRCodeWriter().encode(invitation, BarcodeFormat.QR_CODE, 0, 0, mapOf(EncodeHintType.MARGIN to 4))

    /** A frame of a camera that looks at the code from the front, turned by [degrees]; brightness between [dark] and [bright]. */
    private fun seen(degrees: Double = 0.0, dark: Int = 20, bright: Int = 235, side: Int = 420, noise: Int = 6, stride: Int = WIDTH): Frame {
        val random = Random(7)
        val (sin, cos) = Math.toRadians(degrees).let { sin(it) to cos(it) }
        val plane = ByteArray(stride * HEIGHT) { 0x55 }
        for (y in 0 until HEIGHT) for (x in 0 until WIDTH) {
            val (dx, dy) = x - WIDTH * 0.55 to y - HEIGHT * 0.48
            val at = (dx * cos + dy * sin) / side + 0.5
            val down = (dy * cos - dx * sin) / side + 0.5
            val inside = at >= 0 && at < 1 && down >= 0 && down < 1
            val isDark = inside && code[(at * code.width).toInt(), (down * code.height).toInt()]
            // A grey wall behind the sheet with the code, lit from one side.
            val light = if (!inside) (dark + bright) / 2 + x * 20 / WIDTH else if (isDark) dark else bright
            plane[y * stride + x] = (light + random.nextInt(2 * noise + 1) - noise).coerceIn(0, 255).toByte()
        }
        return Frame.of(ByteBuffer.wrap(plane), WIDTH, HEIGHT, stride)
    }

    @Test
    fun `a code is read however the phone is held`() {
        for (degrees in listOf(0.0, 90.0, 180.0, 270.0, 12.0, 45.0, 200.0)) assertEquals("$degrees degrees", invitation, QrReader.read(seen(degrees)))
    }

    @Test
    fun `a code of low contrast is read in the dark and in the sun`() {
        assertEquals("in the dark", invitation, QrReader.read(seen(30.0, dark = 18, bright = 58, noise = 3)))
        assertEquals("in the sun", invitation, QrReader.read(seen(100.0, dark = 190, bright = 245, noise = 3)))
        assertEquals("white on black, from a dark screen", invitation, QrReader.read(seen(8.0, dark = 230, bright = 25)))
    }

    @Test
    fun `rows that are longer than the picture are no hindrance`() {
        assertEquals(invitation, QrReader.read(seen(5.0, stride = WIDTH + 64)))
        val padded = ByteBuffer.allocate(2 * 8 + 5)
        assertEquals("the last row may end with its last pixel", 15, Frame.of(padded, 5, 3, 8).luminance.size)
    }

    @Test
    fun `a frame without a code gives nothing`() {
        val random = Random(3)
        assertNull("noise", QrReader.read(Frame(WIDTH, HEIGHT, ByteArray(WIDTH * HEIGHT) { random.nextInt(256).toByte() })))
        assertNull("a wall", QrReader.read(Frame(WIDTH, HEIGHT, ByteArray(WIDTH * HEIGHT) { 120 })))
        assertNull("too far away to be read", QrReader.read(seen(side = 40)))
    }

    private companion object {
        const val WIDTH = 960
        const val HEIGHT = 720
    }
}
