package cn.xunge.app.pages

import cn.xunge.app.R
import cn.xunge.app.XungeRunner
import cn.xunge.app.count
import cn.xunge.core.ItemState
import cn.xunge.core.Lang
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config

/** Words that depend on numbers and on what waits for what. */
@RunWith(XungeRunner::class)
class WordsTest {
    private val context get() = RuntimeEnvironment.getApplication()
    private val pending = Scene.filed.first { it.state == ItemState.PHOTOS_PENDING }

    @Test
    @Config(qualifiers = "en")
    fun `one is not many in English`() {
        assertEquals(listOf("1 draft", "2 drafts"), listOf(1, 2).map { context.count(R.plurals.drafts_kept, it) })
        assertEquals(listOf("1 photo", "0 photos"), listOf(1, 0).map { context.count(R.plurals.waiting_photos, it) })
    }

    @Test
    @Config(qualifiers = "zh-rCN")
    fun `a received item says how many photos are missing, why, and when they are tried again`() {
        fun said(waits: PhotosWait) = pending.missingPhotos(context, Lang.ZH, Scene.now, waits)
        assertEquals("还差 2 张照片，等 Wi-Fi 再传", said(PhotosWait.WIFI))
        assertEquals("还差 2 张照片，同步关着", said(PhotosWait.SWITCHED_OFF))
        val failed = pending.copy(problem = Scene.why("server.busy", cn.xunge.core.ProblemClass.RETRY_LATER, "服务器忙", "busy"), nextTry = Scene.at(10, 31))
        assertEquals("还差 2 张照片，服务器忙，10:31 再传", failed.missingPhotos(context, Lang.ZH, Scene.now, PhotosWait.WIFI))
        assertNull("all are there", pending.copy(photosSent = 3u).missingPhotos(context, Lang.ZH, Scene.now, PhotosWait.WIFI))
        assertNull("nothing is there", Scene.sending.missingPhotos(context, Lang.ZH, Scene.now, PhotosWait.WIFI))
    }

    @Test
    fun `silence is told from half a shift on`() {
        fun silent(hour: Int) = TodayState(Scene.today.copy(lastContact = Scene.at(hour, 24)), emptyList(), Here(null, null, null), true, null).silentHours
        assertNull(silent(7))
        assertEquals(4, silent(6))
        assertNull("never heard of it: the first sync says so", TodayState(Scene.today.copy(lastContact = null), emptyList(), Here(null, null, null), true, null).silentHours)
    }
}
