package cn.xunge.app.pages

import android.app.AlertDialog
import android.content.Context
import cn.xunge.app.R

/** What can be done with a photo of a draft. To delete one cannot be undone, so it takes two presses. */
internal fun shotMenu(context: Context, name: CharSequence, onEnlarge: () -> Unit, onRemove: () -> Unit) {
    AlertDialog.Builder(context)
        .setTitle(name)
        .setItems(arrayOf(context.getString(R.string.photo_see), context.getString(R.string.photo_remove))) { _, at ->
            if (at == 0) onEnlarge() else onRemove()
        }
        .show()
}
