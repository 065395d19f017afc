package cn.xunge.app.pages

import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.SurfaceTexture
import android.view.Gravity
import android.view.View
import android.view.ViewGroup
import android.widget.FrameLayout
import android.widget.LinearLayout
import cn.xunge.app.R
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.Ground
import cn.xunge.app.kit.Icon
import cn.xunge.app.kit.IconButton
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.show
import cn.xunge.app.kit.tokens
import cn.xunge.app.platform.Optics

/**
 * What the camera sees, over the whole screen: above it close, place and flash; below it the shutter. Black in both
 * themes, as everything around a photo is.
 *
 * @param onSurface told of the surface for the picture, and null when it is gone
 */
class CameraView(context: Context, private val act: Acts, onSurface: (SurfaceTexture?) -> Unit) : LinearLayout(context) {
    /** What the person can do. */
    class Acts(val close: () -> Unit, val shoot: () -> Unit, val flash: () -> Unit, val choose: () -> Unit)

    /** The picture; tests put a photo behind it. */
    val finder = FrameLayout(context)
    private val picture = FinderView(context, onSurface)
    private val place = Label(context, Size.CAPTION, R.color.on_photo)
    private val flashWord = Label(context, Size.CAPTION, R.color.on_photo)
    private val flash = overlay(R.drawable.ic_flash, flashWord)
    private val hint = Label(context, Size.CAPTION, R.color.on_photo)
    private val says = Label(context, Size.BODY, R.color.on_photo)
    private val shutter = Shutter(context) { act.shoot() }

    init {
        orientation = VERTICAL
        setBackgroundColor(Color.BLACK)
        addView(finder, LayoutParams(LayoutParams.MATCH_PARENT, 0, 1f))
        val fill = FrameLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, ViewGroup.LayoutParams.MATCH_PARENT)
        finder.addView(picture, fill)
        finder.addView(top(), FrameLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, ViewGroup.LayoutParams.WRAP_CONTENT))
        says.accessibilityLiveRegion = ACCESSIBILITY_LIVE_REGION_POLITE
        says.background = scrim()
        says.setPadding(tokens.dp(16), tokens.dp(10), tokens.dp(16), tokens.dp(10))
        val wrap = FrameLayout.LayoutParams(ViewGroup.LayoutParams.WRAP_CONTENT, ViewGroup.LayoutParams.WRAP_CONTENT, Gravity.BOTTOM or Gravity.CENTER_HORIZONTAL)
        finder.addView(says, wrap.apply { setMargins(tokens.dp(12), 0, tokens.dp(12), tokens.dp(12)) })
        addView(bottom(), LayoutParams(LayoutParams.MATCH_PARENT, LayoutParams.WRAP_CONTENT))
    }

    private fun scrim() = Ground(context, tokens.color(R.color.photo_scrim), Color.BLACK, radius = 12f)

    /** With large text the place stands on a line of its own. */
    private fun top() = Column(context).apply {
        val side = tokens.dp(12)
        setPadding(side, side, side, 0)
        val where = overlay(R.drawable.ic_pin, place)
        add(buttons(if (tokens.bigText) null else where))
        if (tokens.bigText) addView(where, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT))
    }

    private fun buttons(where: View?) = LinearLayout(context).apply {
        val close = IconButton(context, R.drawable.ic_x, context.getString(R.string.camera_close), R.color.on_photo) { act.close() }
        close.background = scrim()
        addView(close)
        val wrap = LayoutParams.WRAP_CONTENT
        val middle = FrameLayout(context)
        if (where != null) middle.addView(where, FrameLayout.LayoutParams(wrap, wrap))
        addView(middle, LayoutParams(0, wrap, 1f).apply { marginStart = tokens.dp(8); marginEnd = tokens.dp(8) })
        flash.setOnClickListener { act.flash() }
        flash.isFocusable = true
        addView(flash, LayoutParams(wrap, wrap))
    }

    private fun overlay(icon: Int, words: Label) = LinearLayout(context).apply {
        gravity = Gravity.CENTER_VERTICAL
        minimumHeight = tokens.dp(48)
        minimumWidth = tokens.dp(48)
        background = scrim()
        setPadding(tokens.dp(12), tokens.dp(6), tokens.dp(12), tokens.dp(6))
        addView(Icon(context, icon, R.color.on_photo, 20, grows = false), LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply { marginEnd = tokens.dp(8) })
        addView(words, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT))
    }

    private fun bottom() = LinearLayout(context).apply {
        gravity = Gravity.CENTER_VERTICAL
        setPadding(tokens.dp(16), tokens.dp(12), tokens.dp(16), tokens.dp(12))
        addView(hint, LayoutParams(0, LayoutParams.WRAP_CONTENT, 1f).apply { marginEnd = tokens.dp(8) })
        addView(shutter)
        val end = FrameLayout(context)
        val gallery = IconButton(context, R.drawable.ic_image, context.getString(R.string.camera_gallery), R.color.on_photo) { act.choose() }
        gallery.background = Ground(context, 0, tokens.color(R.color.photo_scrim), Color.WHITE, radius = 12f)
        end.addView(gallery, FrameLayout.LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT, Gravity.END))
        addView(end, LayoutParams(0, LayoutParams.WRAP_CONTENT, 1f))
    }

    /**
     * @param where the cell and how exact it is
     * @param flashNow how the flash is set; null: there is none
     * @param busy what happens now; while it does, and while the camera opens, the shutter waits
     */
    fun show(where: CharSequence, flashNow: CharSequence?, next: CharSequence, busy: CharSequence?, optics: Optics?) {
        place.text = where
        flash.visibility = if (flashNow == null) INVISIBLE else VISIBLE
        flashWord.text = flashNow ?: ""
        flash.contentDescription = context.getString(R.string.camera_flash, flashNow ?: "")
        hint.text = next
        says.show(busy)
        shutter.waits = busy != null || optics == null
        picture.optics = optics
    }
}

/** The button that takes the photo, 80 dp: large enough for a glove. */
class Shutter(context: Context, private val onClick: () -> Unit) : View(context) {
    private val paint = Paint(Paint.ANTI_ALIAS_FLAG)

    /** Hollow while it cannot take a photo yet. */
    var waits = false
        set(value) {
            field = value
            contentDescription = context.getString(if (value) R.string.camera_wait else R.string.camera_shoot)
            invalidate()
        }

    init {
        contentDescription = context.getString(R.string.camera_shoot)
        isFocusable = true
        setOnClickListener { if (waits) announceForAccessibility(contentDescription) else this.onClick() }
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) = setMeasuredDimension(tokens.dp(80), tokens.dp(80))

    override fun onDraw(canvas: Canvas) {
        val unit = tokens.dp(1).toFloat()
        val middle = width / 2f
        paint.color = Color.WHITE
        paint.style = Paint.Style.STROKE
        paint.strokeWidth = 4 * unit
        canvas.drawCircle(middle, middle, middle - 2 * unit, paint)
        paint.style = Paint.Style.FILL
        if (!waits) canvas.drawCircle(middle, middle, middle - (if (isPressed) 12 else 8) * unit, paint)
    }

    override fun drawableStateChanged() {
        super.drawableStateChanged()
        invalidate()
    }

    override fun getAccessibilityClassName(): CharSequence = android.widget.Button::class.java.name
}
