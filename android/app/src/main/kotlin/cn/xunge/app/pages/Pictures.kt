package cn.xunge.app.pages

import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.drawable.BitmapDrawable
import android.graphics.drawable.Drawable
import cn.xunge.ids.PhotoHash

/** A photo as bytes (JPEG). Two are equal if they are of the same photo, so that a screen draws it once. */
internal class Picture(val of: PhotoHash, val jpeg: ByteArray) {
    override fun equals(other: Any?) = other is Picture && other.of == of

    override fun hashCode() = of.hashCode()
}

/** The picture, of at most about [side] pixels; null if it cannot be read. Not for the screen's thread. */
internal fun drawn(context: Context, jpeg: ByteArray, side: Int): Drawable? {
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
