package cn.xunge.app.kit

import android.app.PendingIntent
import android.content.Context
import android.graphics.Bitmap
import android.graphics.ImageDecoder
import android.os.Build
import android.view.View
import android.view.accessibility.AccessibilityManager
import android.widget.TextView
import cn.xunge.app.service
import java.io.File
import java.io.IOException

/**
 * Calls that Android 8 (API 26) has not, each behind a check of the version. They stand apart so that everything else
 * can be compiled against API 26: `src/api26` holds the same functions without the calls, for that check alone.
 */
internal object Newer {
    /** The system adds its answer to an intent; before API 31 it may do so with any. */
    val MUTABLE: Int = if (Build.VERSION.SDK_INT >= 31) PendingIntent.FLAG_MUTABLE else 0

    /** Lines keep their height whatever font a character comes from; before API 28 they do anyway. */
    fun evenLines(view: TextView) {
        if (Build.VERSION.SDK_INT >= 28) view.isFallbackLineSpacing = false
    }

    fun heading(view: View) {
        if (Build.VERSION.SDK_INT >= 28) view.isAccessibilityHeading = true
    }

    /** The name that is spoken when this part of the window appears. */
    fun pane(view: View, name: CharSequence) {
        if (Build.VERSION.SDK_INT >= 28) view.accessibilityPaneTitle = name
    }

    /** How long something with words and a button stands: longer for who needs longer, as the system's settings say. */
    fun timeout(context: Context, ours: Int): Int {
        if (Build.VERSION.SDK_INT < 29) return ours
        val kinds = AccessibilityManager.FLAG_CONTENT_TEXT or AccessibilityManager.FLAG_CONTENT_CONTROLS
        return context.service<AccessibilityManager>().getRecommendedTimeoutMillis(ours, kinds)
    }

    /** A picture of any format that the phone reads, upright, its longer side at most about [largest]; null before API 28. */
    fun decode(file: File, largest: Int): Bitmap? {
        if (Build.VERSION.SDK_INT < 28) return null
        return try {
            ImageDecoder.decodeBitmap(ImageDecoder.createSource(file)) { decoder, info, _ ->
                // A bitmap of the hardware cannot be written as JPEG.
                decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE
                val longer = maxOf(info.size.width, info.size.height)
                decoder.setTargetSampleSize((longer / largest).coerceAtLeast(1))
            }
        } catch (unreadable: IOException) {
            null
        }
    }
}
