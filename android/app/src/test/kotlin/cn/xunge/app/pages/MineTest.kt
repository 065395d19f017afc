package cn.xunge.app.pages

import android.view.MotionEvent
import android.widget.ScrollView
import cn.xunge.app.Gallery
import cn.xunge.app.KitPages
import cn.xunge.app.R
import cn.xunge.app.Variant
import cn.xunge.app.XungeRunner
import cn.xunge.app.kit.ZoomPhoto
import cn.xunge.app.view
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

/** What 今日 and an enlarged photo promise on the screen. */
@RunWith(XungeRunner::class)
class MineTest {
    @Test
    fun `a new fix leaves what is read and scrolled`() {
        val state = TodayState(Scene.today, emptyList(), Here(null, null, null), true, null)
        val controller = Gallery.stage(Variant.LIGHT) { context ->
            val page = TodayPage(MineHost(context))
            val screen = page.build(state)
            val card = screen.column.getChildAt(0)
            assertTrue(page.update(screen, state.copy(here = Here(null, null, 60_000))))
            assertSame(card, screen.column.getChildAt(0))
            assertTrue(page.update(screen, state.copy(today = Scene.today.copy(drafts = 2u))))
            assertFalse("the main action changes", page.update(screen, state.copy(today = Scene.today.copy(isOnDuty = false))))
            screen
        }
        assertNotNull(controller.get().view<ScrollView>(R.id.scroll))
        controller.close()
    }

    @Test
    fun `a photo can be enlarged without two fingers and never leaves its place`() {
        val controller = Gallery.stage(Variant.LIGHT) { context -> ZoomPhoto(context, KitPages.photo(context, 1), "照片 1") }
        val root = controller.get().window.decorView
        val before = pixels(root)
        val photo = root.findViewById<android.view.ViewGroup>(android.R.id.content)!!.getChildAt(0)
        photo.performClick()
        val enlarged = pixels(root)
        assertFalse(before.sameAs(enlarged))
        for (action in listOf(MotionEvent.ACTION_DOWN, MotionEvent.ACTION_MOVE, MotionEvent.ACTION_UP)) {
            photo.onTouchEvent(MotionEvent.obtain(0, 20, action, if (action == MotionEvent.ACTION_DOWN) 50f else 5000f, 50f, 0))
        }
        repeat(3) { photo.performClick() }
        assertTrue("whole again", before.sameAs(pixels(root)))
        controller.close()
    }

    private fun pixels(view: android.view.View): android.graphics.Bitmap =
        android.graphics.Bitmap.createBitmap(view.width, view.height, android.graphics.Bitmap.Config.ARGB_8888).also { view.draw(android.graphics.Canvas(it)) }
}
