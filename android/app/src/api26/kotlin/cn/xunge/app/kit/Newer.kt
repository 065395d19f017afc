package cn.xunge.app.kit

import android.content.Context
import android.graphics.Bitmap
import android.view.View
import android.widget.TextView
import java.io.File

/** Stands in for `src/newer` while the app is compiled against API 26. It is never shipped. */
@Suppress("UNUSED_PARAMETER")
internal object Newer {
    const val MUTABLE: Int = 0

    fun evenLines(view: TextView) = Unit

    fun heading(view: View) = Unit

    fun pane(view: View, name: CharSequence) = Unit

    fun timeout(context: Context, ours: Int): Int = ours

    fun decode(file: File, largest: Int): Bitmap? = null
}
