package cn.xunge.app.pages

import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.drawable.BitmapDrawable
import android.graphics.drawable.Drawable
import android.util.LruCache
import cn.xunge.ids.PhotoHash

/** Decoded thumbnails of photos that were shown last. Decoding belongs on a thread that may block. */
internal class Pictures(private val context: Context) {
    private val kept = object : LruCache<String, Bitmap>(BYTES) {
        override fun sizeOf(key: String, value: Bitmap) = value.byteCount
    }

    /** The thumbnail from these bytes; null for bytes that are no picture. */
    fun thumbnail(photo: PhotoHash, jpeg: ByteArray): Drawable? {
        val bitmap = kept.get(photo.text) ?: decode(jpeg, SMALL)?.also { kept.put(photo.text, it) }
        return bitmap?.let { BitmapDrawable(context.resources, it) }
    }

    /** A photo as large as a screen can show it, whatever size it was taken in. */
    fun photo(jpeg: ByteArray): Drawable? = decode(jpeg, LARGE)?.let { BitmapDrawable(context.resources, it) }

    private fun decode(jpeg: ByteArray, side: Int): Bitmap? {
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        BitmapFactory.decodeByteArray(jpeg, 0, jpeg.size, bounds)
        var every = 1
        while (maxOf(bounds.outWidth, bounds.outHeight) / (every * 2) >= side) every *= 2
        return BitmapFactory.decodeByteArray(jpeg, 0, jpeg.size, BitmapFactory.Options().apply { inSampleSize = every })
    }

    private companion object {
        /** The handset has 2 GB in all. */
        const val BYTES = 4 shl 20
        const val SMALL = 160
        const val LARGE = 1600
    }
}
