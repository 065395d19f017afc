package cn.xunge.app.pages

import android.content.Context
import android.graphics.Matrix
import android.graphics.SurfaceTexture
import android.view.Surface
import android.view.TextureView
import android.view.View
import cn.xunge.app.platform.Optics

/**
 * The picture of a camera.
 *
 * @param onSurface told of the surface for the picture, and null when it is gone
 */
internal class FinderView(context: Context, private val onSurface: (SurfaceTexture?) -> Unit) : TextureView(context) {
    /** Of the camera that is open; null: none is. */
    var optics: Optics? = null
        set(value) {
            if (field == value) return
            field = value
            turn()
        }

    init {
        surfaceTextureListener = Surfaces()
    }

    /** The picture fills its place without being stretched, whichever way the phone is held. */
    private fun turn() {
        val optics = optics ?: return
        val rotation = display?.rotation ?: Surface.ROTATION_0
        setTransform(Matrix().apply { setValues(finderMatrix(width, height, optics.width, optics.height, rotation)) })
    }

    private inner class Surfaces : TextureView.SurfaceTextureListener {
        override fun onSurfaceTextureAvailable(surface: SurfaceTexture, width: Int, height: Int) {
            onSurface(surface)
            turn()
        }

        override fun onSurfaceTextureSizeChanged(surface: SurfaceTexture, width: Int, height: Int) = turn()

        override fun onSurfaceTextureDestroyed(surface: SurfaceTexture): Boolean {
            onSurface(null)
            return true
        }

        override fun onSurfaceTextureUpdated(surface: SurfaceTexture) = Unit
    }
}

/**
 * The values of a matrix that shows a picture of [pictureWidth] × [pictureHeight], which lies on its side, in a view: it
 * fills the view and keeps its shape.
 *
 * @param rotation of the display, `Surface.ROTATION_…`
 */
internal fun finderMatrix(width: Int, height: Int, pictureWidth: Int, pictureHeight: Int, rotation: Int): FloatArray {
    val matrix = Matrix()
    val values = FloatArray(9)
    if (width > 0 && height > 0) {
        val (x, y) = width / 2f to height / 2f
        val turned = rotation == Surface.ROTATION_90 || rotation == Surface.ROTATION_270
        // As it stands before the display is turned.
        val (wide, high) = if (turned) height to width else width to height
        val scale = maxOf(wide / pictureHeight.toFloat(), high / pictureWidth.toFloat())
        matrix.postScale(pictureHeight * scale / width, pictureWidth * scale / height, x, y)
        when (rotation) {
            Surface.ROTATION_90 -> matrix.postRotate(-90f, x, y)
            Surface.ROTATION_180 -> matrix.postRotate(180f, x, y)
            Surface.ROTATION_270 -> matrix.postRotate(90f, x, y)
        }
    }
    matrix.getValues(values)
    return values
}

/** Tells when the window comes to the front while this view is in it. */
internal class Seen(context: Context, private val onSeen: () -> Unit) : View(context) {
    override fun onWindowFocusChanged(hasFocus: Boolean) {
        super.onWindowFocusChanged(hasFocus)
        if (hasFocus) onSeen()
    }
}
