package cn.xunge.app.pages

import android.app.Dialog
import android.content.Context
import android.graphics.drawable.Drawable
import android.view.Gravity
import android.view.ViewGroup
import android.widget.FrameLayout
import cn.xunge.app.R
import cn.xunge.app.kit.IconButton
import cn.xunge.app.kit.ZoomPhoto
import cn.xunge.app.kit.tokens

/** A photo over the whole screen; Back closes it. */
internal object BigPhoto {
    fun show(context: Context, picture: Drawable?, name: CharSequence) {
        if (picture == null) return
        val dialog = Dialog(context, android.R.style.Theme_Black_NoTitleBar_Fullscreen)
        val frame = FrameLayout(context)
        frame.setBackgroundColor(context.tokens.color(R.color.photo_ground))
        val all = ViewGroup.LayoutParams.MATCH_PARENT
        frame.addView(ZoomPhoto(context, picture, name), FrameLayout.LayoutParams(all, all))
        val wrap = ViewGroup.LayoutParams.WRAP_CONTENT
        val close = IconButton(context, R.drawable.ic_x, context.getString(R.string.photo_close), R.color.on_photo) { dialog.dismiss() }
        frame.addView(close, FrameLayout.LayoutParams(wrap, wrap, Gravity.TOP or Gravity.START))
        dialog.setContentView(frame)
        dialog.show()
    }
}
