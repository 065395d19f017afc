package cn.xunge.app

import android.app.Activity
import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.os.Looper
import android.view.View
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import java.io.File

/** How a screen is looked at. The size is a cheap handset of 720 pixels: 360 × 640 dp, or 360 × 720. */
data class Variant(val name: String, val language: String = "zh-rCN", val night: Boolean = false, val text: Float = 1f, val height: Int = 640) {
    val qualifiers: String get() = "$language-w360dp-h${height}dp-port-${if (night) "night" else "notnight"}-xhdpi"

    companion object {
        val LIGHT = Variant("light")
        val DARK = Variant("dark", night = true)
        val LARGE = Variant("text200", text = 2f)
        val ENGLISH = Variant("en", language = "en-rUS")
        val LARGE_ENGLISH = Variant("en-text200", language = "en-rUS", text = 2f)
        val TALL = Variant("tall", height = 720)

        /** Every one that a screen must be right in. */
        val ALL = listOf(LIGHT, DARK, LARGE, ENGLISH, LARGE_ENGLISH, TALL)
    }
}

/** An empty activity that a view is put into. */
class Stage : Activity() {
    override fun onCreate(state: android.os.Bundle?) {
        setTheme(R.style.Theme_Xunge)
        super.onCreate(state)
    }
}

/** Draws screens as pictures, and lays them out for [Audit]. */
object Gallery {
    /** Sets the stage's language, theme, size and text for what is built next. */
    fun enter(variant: Variant) {
        RuntimeEnvironment.setQualifiers(variant.qualifiers)
        RuntimeEnvironment.setFontScale(variant.text)
    }

    /** Lays the view out in a new activity of this variant. */
    fun stage(variant: Variant, build: (Context) -> View): ActivityController<Stage> {
        enter(variant)
        val controller = Robolectric.buildActivity(Stage::class.java).create()
        controller.get().setContentView(build(controller.get()))
        controller.start().postCreate(null).resume().visible()
        shadowOf(Looper.getMainLooper()).idle()
        return controller
    }

    /**
     * Puts the picture of a laid out window into the gallery as SCREEN--VARIANT.png. A page of the kit is called
     * kit-SCREEN, so that it lies beside the same target and not over the product's own screen.
     */
    fun draw(screen: String, variant: Variant, view: View) {
        val bitmap = Bitmap.createBitmap(view.width, view.height, Bitmap.Config.ARGB_8888)
        view.draw(Canvas(bitmap))
        val dir = File(checkNotNull(System.getProperty("gallery.dir")) { "gallery.dir is not set" })
        dir.mkdirs()
        File(dir, "$screen--${variant.name}.png").outputStream().use { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }
    }

    /** Draws a screen in every variant and audits each. */
    fun show(screen: String, variants: List<Variant> = Variant.ALL, build: (Context) -> View) {
        val faults = ArrayList<String>()
        for (variant in variants) {
            val controller = stage(variant, build)
            val root = controller.get().window.decorView
            draw(screen, variant, root)
            faults += Audit.faults(root).map { "$screen, ${variant.name}: $it" }
            controller.close()
        }
        check(faults.isEmpty()) { faults.joinToString("\n", "\n") }
    }
}
