package cn.xunge.app.pages

import android.content.Context
import android.view.View
import android.view.ViewGroup
import android.widget.ImageView
import cn.xunge.app.Gallery
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import cn.xunge.app.platform.CameraFault
import cn.xunge.app.platform.Optics
import cn.xunge.core.InvitationPreview
import cn.xunge.core.ProblemClass
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(XungeRunner::class)
class EnrolGallery {
    private val pinned = InvitationPreview("https://xunge.chaoyang.example", true, "K7P0-D3VX-N5QA", Scene.today.contact)
    private val lost = WorkScene.why("network.timeout", "服务器没有回应，请稍后再试", "The server did not answer; try again later", ProblemClass.NETWORK)

    private fun show(name: String, state: EnrolState, isFirst: Boolean = true) = Gallery.show(name) { context ->
        EnrolPage(StillHost(context), isFirst = isFirst).build(state)
    }

    @Test
    fun `the first start`() = show("enrol", EnrolState.Asking())

    @Test
    fun `no code in the picture, one more user`() = show("enrol-nocode", EnrolState.Asking(problem = Problem.NoCode), isFirst = false)

    @Test
    fun `typed and refused`() {
        val why = WorkScene.why("enrol.string", "这不是巡格的登记码，请核对，或向管理员另要", "This is not a code of Xunge; check it, or ask the administrator for another one", ProblemClass.REFUSED)
        show("enrol-typed", EnrolState.Asking("xunge1:eyJ2IjoxLCJzZXJ2ZXIiOiJodHRwczovL3h1bmdlLm", Way.TYPE, problem = Problem.Refused(why)))
    }

    private val ready = Scan(Lens.Ready(Optics(1280, 960, hasFlash = true)))

    private fun scan(name: String, scan: Scan, problem: Problem? = null) = Gallery.show(name) { context ->
        val page = EnrolPage(StillHost(context), isFirst = true, FakeCamera())
        page.build(EnrolState.Asking(way = Way.SCAN, problem = problem, scan = scan)).also { finder(it)?.stands(context) }
    }

    /** A photo for what the camera sees, behind its surface. */
    private fun ScanView.stands(context: Context) {
        val image = ImageView(context).apply { scaleType = ImageView.ScaleType.CENTER_CROP; importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO }
        image.setImageDrawable(drawn(context, ReportSamples.files[0].readBytes(), 1600))
        finder.addView(image, 1)
    }

    private fun finder(view: View): ScanView? = when (view) {
        is ScanView -> view
        is ViewGroup -> (0 until view.childCount).firstNotNullOfOrNull { finder(view.getChildAt(it)) }
        else -> null
    }

    @Test
    fun `the camera looks for the code`() = scan("enrol-scan", ready)

    @Test
    fun `the lamp is on and the code that was seen is refused`() {
        val why = WorkScene.why("enrol.string", "这不是巡格的登记码，请核对，或向管理员另要", "This is not a code of Xunge; check it, or ask the administrator for another one", ProblemClass.REFUSED)
        scan("enrol-scan-refused", ready.copy(isLit = true), Problem.Refused(why))
    }

    @Test
    fun `the camera is not allowed`() = scan("enrol-scan-denied", Scan(Lens.Denied))

    @Test
    fun `another app holds the camera`() = scan("enrol-scan-failed", Scan(Lens.Failed(CameraFault.Taken())))

    @Test
    fun `what a pinned invitation says`() = show("enrol2", EnrolState.Preview("xunge1:", pinned))

    @Test
    fun `what an invitation without pins says`() = show("enrol2-unpinned", EnrolState.Preview("xunge1:", pinned.copy(isPinned = false)))

    @Test
    fun `the line was cut`() = show("enrol2-failed", EnrolState.Preview("xunge1:", pinned, lost))

    @Test
    fun `the server is asked`() = show("enrol3", EnrolState.Enrolling("xunge1:", pinned))

    @Test
    fun `the first sync`() = show("enrol4", EnrolState.Fetching("刘海波", "桂林路街道 2 岗", FetchStep.File("grid", 812_000, 3_400_000)))

    @Test
    fun `the first sync is cut`() = show("enrol4-later", EnrolState.Fetching("刘海波", null, FetchStep.Later(lost)))
}
