package cn.xunge.app.pages

import android.content.Context
import android.graphics.drawable.Drawable
import android.view.View
import android.view.ViewGroup
import android.widget.ImageView
import cn.xunge.app.Gallery
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import cn.xunge.app.platform.CameraFault
import cn.xunge.app.platform.Flash
import cn.xunge.app.platform.Optics
import cn.xunge.ids.EntryKey
import org.junit.Test
import org.junit.runner.RunWith

/** 拍照 in its states; a photo stands for what the camera sees. */
@RunWith(XungeRunner::class)
class CameraGallery {
    private val ready = CameraState(Lens.Ready(Optics(1280, 960, hasFlash = true)), Flash.AUTO, ReportSamples.here, null, null, null)

    private fun page(state: CameraState, draft: EntryKey? = null): (Context) -> View = { context ->
        CameraPage(StillHost(context), draft, FakeCamera()).build(state).also { screen ->
            finder(screen)?.stands(drawn(context, ReportSamples.files[0].readBytes(), 1600)!!)
        }
    }

    /** Behind the surface, which a picture of the screen leaves out. */
    private fun CameraView.stands(picture: Drawable) {
        finder.addView(ImageView(context).apply { scaleType = ImageView.ScaleType.CENTER_CROP; setImageDrawable(picture); importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO }, 1)
    }

    private fun finder(view: View): CameraView? = when (view) {
        is CameraView -> view
        is ViewGroup -> (0 until view.childCount).firstNotNullOfOrNull { finder(view.getChildAt(it)) }
        else -> null
    }

    @Test
    fun `the first photo`() = Gallery.show("camera", build = page(ready))

    @Test
    fun `a further photo is being saved, with the flash on and the place sought`() = Gallery.show(
        "camera-keeping",
        build = page(
            ready.copy(flash = Flash.ON, here = Here(ReportSamples.inCell, null, null), busy = Busy.Keeping(1, 3), draft = ReportSamples.draft),
            ReportSamples.draft,
        ),
    )

    @Test
    fun `a photo was refused`() = Gallery.show("camera-refused", build = page(ready.copy(problem = PhotoProblem.Refused(ReportSamples.full))))

    @Test
    fun `of three pictures one cannot be read`() =
        Gallery.show("camera-format", build = page(ready.copy(problem = PhotoProblem.Format, draft = ReportSamples.draft)))

    @Test
    fun `the camera is not allowed`() = Gallery.show("denied", build = page(ready.copy(lens = Lens.Denied)))

    @Test
    fun `another app holds the camera`() = Gallery.show("camera-failed", build = page(ready.copy(lens = Lens.Failed(CameraFault.Taken()))))
}
