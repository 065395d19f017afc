package cn.xunge.app.platform

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import cn.xunge.app.kit.Newer
import java.io.File

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
        file.delete()
        return jpeg
    }

    private fun isJpeg(file: File): Boolean = file.inputStream().use { it.read() == 0xFF && it.read() == 0xD8 }

    /** Longest side that is decoded: more than the core keeps, and little enough for a phone with 2 GB. */
    private const val LARGEST = 4096
    private const val QUALITY = 92
}
