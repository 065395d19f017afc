package cn.xunge.app.kit

import android.content.Context
import android.content.res.ColorStateList
import android.view.Gravity
import android.view.View
import android.widget.FrameLayout
import android.widget.ImageView
import cn.xunge.app.R

/** An icon beside words, in their colour and growing with them. It says nothing by itself. */
class Icon(context: Context, icon: Int = 0, color: Int = R.color.text, dp: Number = 24, grows: Boolean = true) : ImageView(context) {
    val side: Int = if (grows) tokens.scaled(dp) else tokens.dp(dp)

    init {
        importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
        scaleType = ScaleType.FIT_CENTER
        show(icon, color)
    }

    fun show(icon: Int, color: Int) {
        if (icon != 0) setImageResource(icon)
        imageTintList = ColorStateList.valueOf(tokens.color(color))
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) = setMeasuredDimension(side, side)
}

/** An icon on a disc of its tone, 48 dp. */
class Disc(context: Context, icon: Int, tone: Tone) : FrameLayout(context) {
    init {
        background = Ground(context, fill = tokens.color(tone.soft), radius = 24f)
        addView(Icon(context, icon, tone.color, 26, grows = false), LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT, Gravity.CENTER))
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        val side = MeasureSpec.makeMeasureSpec(tokens.dp(48), MeasureSpec.EXACTLY)
        super.onMeasure(side, side)
    }
}

/** A button that is only an icon: 48 × 48 dp, with a name that is spoken and shown on a long press. */
class IconButton(context: Context, icon: Int, name: CharSequence, color: Int = R.color.text, onClick: () -> Unit) : FrameLayout(context) {
    init {
        contentDescription = name
        tooltipText = name
        isClickable = true
        isFocusable = true
        background = Ground(context, pressed = tokens.color(R.color.neutral_soft), radius = 24f)
        addView(Icon(context, icon, color, 24, grows = false), LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT, Gravity.CENTER))
        setOnClickListener { onClick() }
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        val side = MeasureSpec.makeMeasureSpec(tokens.dp(48), MeasureSpec.EXACTLY)
        super.onMeasure(side, side)
    }

    override fun getAccessibilityClassName(): CharSequence = android.widget.Button::class.java.name
}
