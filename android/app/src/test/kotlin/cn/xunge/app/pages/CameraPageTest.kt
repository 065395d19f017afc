package cn.xunge.app.pages

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.provider.MediaStore
import android.view.View
import android.view.ViewGroup
import cn.xunge.app.Stage
import cn.xunge.app.XungeRunner
import cn.xunge.app.kit.PrimaryButton
import cn.xunge.app.kit.Screen
import cn.xunge.app.platform.CameraFault
import cn.xunge.app.platform.CaptureFiles
import cn.xunge.app.shell.Shown
import cn.xunge.ids.EntryKey
import cn.xunge.ids.PhotoHash
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.flowOf
import kotlinx.coroutines.launch
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.Shadows.shadowOf

/** The camera page with a camera that hands out files. */
@RunWith(XungeRunner::class)
class CameraPageTest {
    private val activity: Activity = Robolectric.buildActivity(Stage::class.java).setup().get()
    private val core = FakeReports()
    private val camera = FakeCamera()
    private val files = CaptureFiles(activity)
    private val scopes = ArrayList<CoroutineScope>()

    @After
    fun leave() = scopes.forEach { it.cancel() }

    private fun open(draft: EntryKey? = null, allowed: Boolean = true): RememberingHost {
        scopes.forEach { it.cancel() }
        activity.setContentView(View(activity))
        val host = RememberingHost(activity)
        val drafts = ReportDrafts(core, Dispatchers.IO)
        val presenter = CameraPresenter(core, drafts, draft, flowOf(ReportSamples.fix), camera, { allowed }, { it }, Dispatchers.IO)
        val page = CameraPage(host, draft, camera, presenter)
        val scope = CoroutineScope(SupervisorJob() + Dispatchers.Main).also(scopes::add)
        page.attach(scope)
        scope.launch { Shown(page) { activity.setContentView(it) }.run() }
        eventually("the page is shown") { the<Screen>() != null }
        return host
    }

    private fun all(): List<View> {
        fun below(view: View): List<View> = listOf(view) + if (view is ViewGroup) (0 until view.childCount).flatMap { below(view.getChildAt(it)) } else emptyList()
        return below(activity.window.decorView).filter { it.isShown }
    }

    private inline fun <reified T : View> the(): T? = all().filterIsInstance<T>().firstOrNull()

    private fun shoot() {
        eventually("the shutter is ready") { the<Shutter>()?.waits == false }
        the<Shutter>()!!.performClick()
    }

    private fun says(words: String) = all().any { it.contentDescription?.contains(words) == true || (it as? android.widget.TextView)?.text?.contains(words) == true }

    @Test
    fun `the first photo begins a draft where it was taken and leads to the types`() {
        val host = open()
        eventually("the place is shown") { says("02-03-17") }
        shoot()
        eventually("the types are shown") { host.went.isNotEmpty() }
        val (id, draft) = core.saved.entries.single()
        assertEquals(listOf("replace Types ${id.text}"), host.went.toList())
        assertEquals(1, draft.photos.size)
        assertEquals(ReportSamples.fix, draft.position)
        assertTrue("the photo in the cache is gone", CaptureFiles.folderOf(activity).listFiles()!!.isEmpty())
    }

    @Test
    fun `a further photo is added to its draft and leads back`() {
        val first = open()
        shoot()
        eventually("the first photo") { first.went.isNotEmpty() }
        val id = core.saved.keys.single()
        val host = open(id)
        shoot()
        eventually("the second photo") { host.went.isNotEmpty() }
        assertEquals(listOf("back"), host.went.toList())
        assertEquals(2, core.saved.getValue(id).photos.size)
    }

    @Test
    fun `a photo that is refused leaves no draft and says why`() {
        core.refuses = FakeReports.refusal("photo.disk_full")
        val host = open()
        shoot()
        eventually("the refusal") { says("不行") }
        assertTrue(core.saved.isEmpty())
        assertTrue(host.went.isEmpty())
        core.refuses = null
        shoot()
        eventually("the next try") { host.went.isNotEmpty() }
    }

    @Test
    fun `without a permission the page says how to give it`() {
        open(allowed = false)
        eventually("the page without a camera") { says("还不能用相机") }
        assertFalse(camera.isOpen)
    }

    @Test
    fun `a camera that fails leads to the system's, and its photo is found after the process was gone`() {
        camera.fault = CameraFault.Broken()
        open()
        eventually("the page of a camera that fails") { says("相机打不开") }
        the<PrimaryButton>()!!.performClick()
        val asked: Intent = shadowOf(activity).nextStartedActivityForResult.intent
        assertEquals(MediaStore.ACTION_IMAGE_CAPTURE, asked.action)
        @Suppress("DEPRECATION")
        val uri = asked.getParcelableExtra<Uri>(MediaStore.EXTRA_OUTPUT)!!
        activity.contentResolver.openOutputStream(uri)!!.use { it.write(ReportSamples.files[0].readBytes()) }

        // A new page, as after the process was gone: only its route is known.
        val host = open()
        eventually("the photo is found") { host.went.isNotEmpty() }
        assertEquals(1, core.saved.values.single().photos.size)
        assertEquals(null, files.arrived("new"))
    }

    @Test
    fun `pictures that were chosen while the page was gone are in the draft, in the order of the choice`() {
        files.keepChosen("new", ReportSamples.files.take(2).map { it.copyTo(files.fresh()) })
        val host = open()
        eventually("the types are shown") { host.went.isNotEmpty() }
        val photos = core.saved.values.single().photos.map { it.sha256 }
        assertEquals(ReportSamples.files.take(2).map { PhotoHash("${it.readBytes().contentHashCode()}") }, photos)
        assertTrue("nothing is left behind", CaptureFiles.folderOf(activity).listFiles()!!.isEmpty())
        assertTrue("once", files.chosen("new").isEmpty())
    }
}
