package cn.xunge.app.platform

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.media.ExifInterface
import cn.xunge.app.XungeRunner
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith

/** Pictures of the phone's library, in formats that the core does not take. */
@RunWith(XungeRunner::class)
class PicturesTest {
    @get:Rule
    val temporary = TemporaryFolder()

    /** A picture of 2025 in Shanghai. */
    private val library = File("../../media/tests/files/library-shanghai-2025.jpg")

    private fun written(format: Bitmap.CompressFormat): File = temporary.newFile().apply {
        outputStream().use { BitmapFactory.decodeFile("../../tests/photos/brick.jpg").compress(format, 90, it) }
    }

    @Test
    fun `field 17 - a picture of another format becomes a JPEG and a JPEG stays what it is`() {
        val webp = written(Bitmap.CompressFormat.WEBP)
        val jpeg = Pictures.asJpeg(webp)!!
        assertFalse(webp.exists())
        val (now, was) = BitmapFactory.decodeFile(jpeg.path) to BitmapFactory.decodeFile("../../tests/photos/brick.jpg")
        assertEquals(was.width to was.height, now.width to now.height)
        assertSame(jpeg, Pictures.asJpeg(jpeg))
        assertNull(Pictures.asJpeg(temporary.newFile().apply { writeText("text") }))
    }

    @Test
    fun `field 01 - a picture that becomes a JPEG keeps when and where it was taken`() {
        val copy = written(Bitmap.CompressFormat.JPEG)
        assertNull(ExifInterface(copy.path).getAttribute("DateTimeOriginal"))
        Pictures.keepEvidence(library, copy)
        val (original, kept) = ExifInterface(library.path) to ExifInterface(copy.path)
        for (tag in listOf("DateTimeOriginal", ExifInterface.TAG_GPS_LATITUDE, ExifInterface.TAG_GPS_LONGITUDE_REF)) {
            assertEquals(tag, original.getAttribute(tag)!!, kept.getAttribute(tag))
        }
        val (was, now) = FloatArray(2) to FloatArray(2)
        assertTrue(original.getLatLong(was) && kept.getLatLong(now))
        assertEquals(was.toList(), now.toList())
        // Orientation is not copied: the JPEG is upright.
        assertEquals(0, kept.getAttributeInt(ExifInterface.TAG_ORIENTATION, 0))
    }
}
