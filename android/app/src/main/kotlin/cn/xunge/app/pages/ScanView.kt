package cn.xunge.app.pages

import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.Path
import android.graphics.RectF
import android.graphics.SurfaceTexture
import android.view.Gravity
import android.view.View
import android.view.ViewGroup
import android.widget.FrameLayout
import android.widget.LinearLayout
import cn.xunge.app.R
import cn.xunge.app.kit.ActionButton
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.Ground
import cn.xunge.app.kit.IconButton
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.OutlineButton
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.heading
import cn.xunge.app.kit.show
import cn.xunge.app.kit.tokens
import cn.xunge.app.platform.Optics

/** What the camera sees while a code is looked for (扫登记码): a box shows where to hold it, but it is found anywhere. */
internal class ScanView(context: Context, onClose: () -> Unit, onSurface: (SurfaceTexture?) -> Unit) : LinearLayout(context) {
    /** The picture; tests put a photo behind it. */
    val finder = FrameLayout(context)
    private val picture = FinderView(context, onSurface)
    private val says = Label(context, Size.BODY, R.color.on_photo)

    init {
        orientation = VERTICAL
        setBackgroundColor(Color.BLACK)
        val fill = ViewGroup.LayoutParams.MATCH_PARENT
        finder.addView(picture, FrameLayout.LayoutParams(fill, fill))
        addView(finder, LayoutParams(fill, fill))
        // The words stand on a ground of their own: what the camera sees may be white.
        val over = Column(context, gap = 0)
        over.add(words(onClose))
        over.addView(CodeBox(context), LayoutParams(fill, 0, 1f))
        finder.addView(over, FrameLayout.LayoutParams(fill, fill))
    }

    private fun words(onClose: () -> Unit) = Column(context, gap = 0).apply {
        setBackgroundColor(Color.BLACK)
        setPadding(tokens.dp(4), tokens.dp(4), tokens.dp(16), tokens.dp(12))
        val line = LinearLayout(context).apply { gravity = Gravity.CENTER_VERTICAL }
        line.addView(IconButton(context, R.drawable.ic_x, context.getString(R.string.scan_close), R.color.on_photo) { onClose() })
        val title = Label(context, Size.TITLE, R.color.on_photo, bold = true).heading().apply { text = context.getString(R.string.enrol_scan) }
        line.addView(title, LayoutParams(0, LayoutParams.WRAP_CONTENT, 1f).apply { marginStart = tokens.dp(8) })
        add(line)
        val below = Column(context, gap = 0)
        below.setPadding(tokens.dp(12), 0, 0, 0)
        says.accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE
        below.add(says)
        add(below)
    }

    fun show(words: CharSequence, optics: Optics?) {
        says.show(words)
        picture.optics = optics
    }
}

/** The box for the code, bright, in a picture that is dimmed. */
private class CodeBox(context: Context) : View(context) {
    private val paint = Paint(Paint.ANTI_ALIAS_FLAG)
    private val box = RectF()
    private val path = Path()

    init {
        importantForAccessibility = IMPORTANT_FOR_ACCESSIBILITY_NO
    }

    override fun onDraw(canvas: Canvas) {
        val unit = tokens.dp(1).toFloat()
        val side = minOf(232 * unit, width - 64 * unit, height - 32 * unit).coerceAtLeast(0f)
        box.set((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)
        path.reset()
        path.fillType = Path.FillType.EVEN_ODD
        path.addRect(0f, 0f, width.toFloat(), height.toFloat(), Path.Direction.CW)
        path.addRoundRect(box, 24 * unit, 24 * unit, Path.Direction.CW)
        paint.style = Paint.Style.FILL
        paint.color = tokens.color(R.color.photo_scrim)
        canvas.drawPath(path, paint)
        paint.style = Paint.Style.STROKE
        paint.strokeWidth = 4 * unit
        paint.color = Color.WHITE
        canvas.drawRoundRect(box, 24 * unit, 24 * unit, paint)
    }
}

/** The page of a [ScanView]: below it the lamp and the other ways. */
internal class ScanScreen(context: Context, act: Acts, onSurface: (SurfaceTexture?) -> Unit) {
    /** What the person can do. */
    class Acts(val close: () -> Unit, val light: () -> Unit, val type: () -> Unit, val choose: () -> Unit)

    val screen = Screen(context)
    private val view = ScanView(context, act.close, onSurface)
    private val light = OutlineButton(context, "", R.drawable.ic_flash) { act.light() }
    private val choose: ActionButton

    init {
        screen.named(context.getString(R.string.enrol_scan))
        screen.body(view)
        screen.answers(light, OutlineButton(context, context.getString(R.string.enrol_type), R.drawable.ic_keyboard) { act.type() })
        choose = screen.second(context.getString(R.string.enrol_choose)) { act.choose() }
    }

    fun show(scan: Scan, isReading: Boolean, problem: Mark?) {
        val context = screen.context
        val optics = (scan.lens as? Lens.Ready)?.optics
        view.show(context.getString(if (optics == null) R.string.scan_opening else R.string.enrol_scan_hint), optics)
        light.visibility = if (optics?.hasFlash == false) View.GONE else View.VISIBLE
        light.text = context.getString(if (scan.isLit) R.string.scan_light_off else R.string.scan_light_on)
        choose.notYet(if (isReading) context.getString(R.string.enrol_reading) else null)
        if (problem == null) screen.banner.hide() else screen.banner.show(problem)
    }
}
