package cn.xunge.app.platform

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.media.ExifInterface
import cn.xunge.app.kit.Newer
import java.io.File
import java.io.IOException

/** Makes a JPEG of a chosen picture, as that is what the core takes. */
object Pictures {
    /** The file itself if it is a JPEG, else a JPEG of it in its place; null if this phone cannot read the format. */
    fun asJpeg(file: File): File? {
        if (isJpeg(file)) return file
        // HEIC is read from Android 9 on, and turned upright; WebP and PNG by the older decoder, too.
        val picture = Newer.decode(file, LARGEST) ?: BitmapFactory.decodeFile(file.path) ?: return null
        val jpeg = File(file.path + ".jpg")
        jpeg.outputStream().use { picture.compress(Bitmap.CompressFormat.JPEG, QUALITY, it) }
        picture.recycle()
        keepEvidence(file, jpeg)
        file.delete()
        return jpeg
    }

    /**
     * Copies when and where a picture was taken: the core files it as evidence. What this phone cannot read stays unknown; it
     * reads HEIC from Android 9 on, PNG and WebP from Android 11 on.
     */
    internal fun keepEvidence(from: File, to: File) {
        try {
            val original = ExifInterface(from.path)
            val copy = ExifInterface(to.path)
            EVIDENCE.forEach { tag -> original.getAttribute(tag)?.let { copy.setAttribute(tag, it) } }
            copy.saveAttributes()
        } catch (unreadable: IOException) {
            // A picture without evidence is filed, and stamped as one from the library.
        }
    }

    private fun isJpeg(file: File): Boolean = file.inputStream().use { it.read() == 0xFF && it.read() == 0xD8 }

    /** Longest side that is decoded: more than the core keeps, and little enough for a phone with 2 GB. */
    private const val LARGEST = 4096
    private const val QUALITY = 92
    private val EVIDENCE = listOf(
        ExifInterface.TAG_DATETIME, "DateTimeOriginal", "OffsetTimeOriginal",
        ExifInterface.TAG_GPS_LATITUDE, ExifInterface.TAG_GPS_LATITUDE_REF,
        ExifInterface.TAG_GPS_LONGITUDE, ExifInterface.TAG_GPS_LONGITUDE_REF,
        ExifInterface.TAG_GPS_DATESTAMP, ExifInterface.TAG_GPS_TIMESTAMP,
    )
}
