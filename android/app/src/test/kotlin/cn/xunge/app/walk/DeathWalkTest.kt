package cn.xunge.app.walk

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.provider.MediaStore
import cn.xunge.app.XungeRunner
import cn.xunge.app.pages.FakeCamera
import cn.xunge.app.pages.ReportSamples
import cn.xunge.app.platform.CameraFault
import cn.xunge.app.platform.CaptureFiles
import cn.xunge.conformance.Rig
import cn.xunge.core.QueueFilter
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.util.ReflectionHelpers
import org.robolectric.util.ReflectionHelpers.ClassParameter
import java.io.File

/** The system ends the process in the middle of the work; the worker goes on and repeats nothing. */
@RunWith(XungeRunner::class)
@Config(sdk = [35], qualifiers = "zh-rCN-w360dp-h720dp-port-xhdpi")
class DeathWalkTest : Walk() {
    /** One report of this text with its photos arrived, and nothing else is or was in the app. */
    private fun filedOnce(text: String, photos: Int) {
        hand.press("提交")
        hand.awaits("受理号")
        hand.until("waits for the photos at the server") { Rig.reports(text).singleOrNull()?.photosHeld == photos }
        assertEquals(listOf(photos), Rig.reports(text).map { it.photosNamed })
        assertEquals(emptyList<Any>(), app.session.handset.drafts())
        assertEquals(1, app.session.handset.queuePage(QueueFilter.ALL, null, 9u).size)
        assertEquals(emptyList<File>(), CaptureFiles.folderOf(app).listFiles().orEmpty().toList())
    }

    @Test
    fun `a draft with a photo and typed words outlives the process`() {
        enrol(Rig.invite("702"))
        stand(Rig.CELL)
        hand.press("上报")
        shoot()
        hand.awaits("是什么问题")
        // Before the type was chosen.
        killed()
        hand.awaits("是什么问题")
        describe("巷口垃圾袋破了")
        hand.type("人民大街 1 号", at = "地址，可不填")
        // With words that nobody saved.
        killed()
        hand.awaits("巷口垃圾袋破了")
        hand.awaits("人民大街 1 号")
        assertTrue(hand.screen(), hand.sees("暴露垃圾") && hand.sees("照片 1") && !hand.sees("照片 2"))
        filedOnce("巷口垃圾袋破了", photos = 1)
        // And after it was filed: the page of what was filed, not the form again.
        killed()
        hand.awaits("受理号")
    }

    /** The system's camera is in front, writes its photo, and our process is gone when it closes. */
    private fun systemCameraKillsUs(photo: File) {
        hand.awaits("相机打不开")
        hand.press("用系统相机拍")
        val asked = shadowOf(screen.get()).nextStartedActivityForResult.intent
        assertEquals(MediaStore.ACTION_IMAGE_CAPTURE, asked.action)
        @Suppress("DEPRECATION")
        val into = asked.getParcelableExtra<Uri>(MediaStore.EXTRA_OUTPUT)!!
        val kept = app.contentResolver.openOutputStream(into)!!
        kept.use { it.write(photo.readBytes()) }
        killed()
    }

    @Test
    fun `a photo of the system's camera is in the draft when the process was gone meanwhile`() {
        camera = FakeCamera(fault = CameraFault.Broken())
        enrol(Rig.invite("703"))
        stand(Rig.CELL)
        hand.press("上报")
        systemCameraKillsUs(ReportSamples.files[0])
        // The first photo leads to the types, as with the app's own camera.
        hand.awaits("是什么问题")
        describe("系统相机拍的")
        hand.press("再拍一张")
        systemCameraKillsUs(ReportSamples.files[1])
        // The second leads back to the report, with the words that were typed before.
        hand.awaits("系统相机拍的")
        hand.awaits("照片 2")
        assertTrue(hand.screen(), hand.sees("照片 1") && !hand.sees("照片 3"))
        filedOnce("系统相机拍的", photos = 2)
    }

    @Test
    fun `pictures that were chosen are in the draft when the process was gone meanwhile`() {
        camera = FakeCamera(fault = CameraFault.Broken())
        enrol(Rig.invite("705"))
        stand(Rig.CELL)
        hand.press("上报")
        hand.awaits("相机打不开")
        hand.press("从相册选")
        val request = shadowOf(screen.get()).nextStartedActivityForResult
        assertEquals(Intent.ACTION_GET_CONTENT, request.intent.action)
        killed()
        // The chooser answers to the activity of the new process.
        val chosen = Uri.parse("content://pictures/1")
        shadowOf(app.contentResolver).registerInputStream(chosen, ReportSamples.files[0].inputStream())
        ReflectionHelpers.callInstanceMethod<Unit>(
            screen.get(), "onActivityResult",
            ClassParameter.from(Int::class.javaPrimitiveType!!, request.requestCode),
            ClassParameter.from(Int::class.javaPrimitiveType!!, Activity.RESULT_OK),
            ClassParameter.from(Intent::class.java, Intent().setData(chosen)),
        )
        hand.awaits("是什么问题")
        describe("相册里选的")
        filedOnce("相册里选的", photos = 1)
    }

    @Test
    fun `who goes back from a report is told that it was kept, and where`() {
        enrol(Rig.invite("706"))
        stand(Rig.CELL)
        hand.press("上报")
        shoot()
        describe("先放一放")
        hand.press("返回")
        hand.awaits("没交的已存成草稿，在“我报的”里接着填")
        hand.awaits("1 份草稿")
    }
}
