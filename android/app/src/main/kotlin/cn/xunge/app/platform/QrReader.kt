package cn.xunge.app.platform

import android.graphics.BitmapFactory
import com.google.zxing.BarcodeFormat
import com.google.zxing.Binarizer
import com.google.zxing.BinaryBitmap
import com.google.zxing.DecodeHintType
import com.google.zxing.LuminanceSource
import com.google.zxing.PlanarYUVLuminanceSource
import com.google.zxing.RGBLuminanceSource
import com.google.zxing.ReaderException
import com.google.zxing.common.GlobalHistogramBinarizer
import com.google.zxing.common.HybridBinarizer
import com.google.zxing.qrcode.QRCodeReader
import java.io.File
import java.nio.ByteBuffer

/** A picture of a camera as brightness, row by row, a byte for a pixel. */
class Frame(val width: Int, val height: Int, val luminance: ByteArray) {
    companion object {
        /** Copies the brightness out of a plane whose rows are [rowStride] bytes apart; its last row may end at its last pixel. */
        fun of(plane: ByteBuffer, width: Int, height: Int, rowStride: Int): Frame {
            val luminance = ByteArray(width * height)
            val from = plane.duplicate()
            for (row in 0 until height) {
                from.position(row * rowStride)
                from.get(luminance, row * width, width)
            }
            return Frame(width, height, luminance)
        }
    }
}

/** Reads QR codes. Takes tens to hundreds of milliseconds: not for the screen's thread. */
object QrReader {
    /** The text of the code in a picture of the live camera; null without one. */
    fun read(frame: Frame): String? =
        read(PlanarYUVLuminanceSource(frame.luminance, frame.width, frame.height, 0, 0, frame.width, frame.height, false), thorough = false)

    /** The text of the code in a picture of any size; null without one. */
    fun read(file: File): String? {
        val size = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        BitmapFactory.decodeFile(file.path, size)
        if (size.outWidth <= 0 || size.outHeight <= 0) return null
        var sample = 1
        while (maxOf(size.outWidth, size.outHeight) / sample > LARGEST) sample *= 2
        // A screenshot needs the small picture, a photo of a code far away the large one.
        return read(file, sample) ?: if (sample > 1) read(file, sample / 2) else null
    }

    private fun read(file: File, sample: Int): String? {
        val bitmap = BitmapFactory.decodeFile(file.path, BitmapFactory.Options().apply { inSampleSize = sample }) ?: return null
        val pixels = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(pixels, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        val source = RGBLuminanceSource(bitmap.width, bitmap.height, pixels)
        bitmap.recycle()
        return read(source, thorough = true)
    }

    private fun read(source: LuminanceSource, thorough: Boolean): String? {
        val hints = buildMap<DecodeHintType, Any> {
            put(DecodeHintType.POSSIBLE_FORMATS, listOf(BarcodeFormat.QR_CODE))
            if (thorough) put(DecodeHintType.TRY_HARDER, true)
        }
        val ways = listOf<() -> Binarizer>({ HybridBinarizer(source) }, { GlobalHistogramBinarizer(source) }, { HybridBinarizer(source.invert()) })
        return ways.firstNotNullOfOrNull { way ->
            try {
                QRCodeReader().decode(BinaryBitmap(way()), hints).text
            } catch (none: ReaderException) {
                null
            } catch (broken: RuntimeException) {
                // The decoder stumbles over some frames that look like a code.
                null
            }
        }
    }

    /** Pixels of the longer side: enough for a code that fills a third of the picture, within the memory of a cheap handset. */
    private const val LARGEST = 1600
}
