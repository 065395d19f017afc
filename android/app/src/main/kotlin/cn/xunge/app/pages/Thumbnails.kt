package cn.xunge.app.pages

import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.drawable.BitmapDrawable
import android.graphics.drawable.Drawable
import android.util.LruCache
import cn.xunge.ids.PhotoHash

/** A photo as bytes (JPEG). Two are equal if they are of the same photo, so that a screen draws it once. */
internal class Picture(val of: PhotoHash, val jpeg: ByteArray) {
    override fun equals(other: Any?) = other is Picture && other.of == of

    override fun hashCode() = of.hashCode()
}

/** The picture, of at most about [side] pixels; null if it cannot be read. Not for the screen's thread. */
internal fun drawn(context: Context, jpeg: ByteArray, side: Int): BitmapDrawable? {
    val size = BitmapFactory.Options().apply { inJustDecodeBounds = true }
    BitmapFactory.decodeByteArray(jpeg, 0, jpeg.size, size)
    var sample = 1
    while (maxOf(size.outWidth, size.outHeight) / (sample * 2) >= side) sample *= 2
    val options = BitmapFactory.Options().apply {
        inSampleSize = sample
        // Half the memory; a photo has no alpha.
        inPreferredConfig = Bitmap.Config.RGB_565
    }
    return BitmapFactory.decodeByteArray(jpeg, 0, jpeg.size, options)?.let { BitmapDrawable(context.resources, it) }
}

/** Thumbnails of photos that were shown last. Not for the screen's thread. */
internal class Thumbnails(private val context: Context) {
    private val kept = object : LruCache<String, BitmapDrawable>(BYTES) {
        override fun sizeOf(key: String, value: BitmapDrawable) = value.bitmap.byteCount
    }

    /** The thumbnail from these bytes; null for bytes that are no picture. */
    fun thumbnail(photo: PhotoHash, jpeg: ByteArray): Drawable? =
        kept.get(photo.text) ?: drawn(context, jpeg, SMALL)?.also { kept.put(photo.text, it) }

    /** A photo as large as a screen can show it, whatever size it was taken in. */
    fun photo(jpeg: ByteArray): Drawable? = drawn(context, jpeg, LARGE)

    private companion object {
        /** The handset has 2 GB in all. */
        const val BYTES = 4 shl 20
        const val SMALL = 160
        const val LARGE = 1600
    }
}
