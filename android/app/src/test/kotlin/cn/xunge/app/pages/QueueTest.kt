package cn.xunge.app.pages

import android.view.View
import cn.xunge.app.Gallery
import cn.xunge.app.R
import cn.xunge.app.Variant
import cn.xunge.app.XungeRunner
import cn.xunge.app.kit.Line
import cn.xunge.app.kit.Row
import cn.xunge.app.kit.RowList
import cn.xunge.app.view
import cn.xunge.core.Lang
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RuntimeEnvironment

/** What 我报的 promises on the screen. */
@RunWith(XungeRunner::class)
class QueueTest {
    @Test
    fun `only rows that are seen are worded`() {
        val state = QueueState(Scene.today, emptyList(), emptyList(), Scene.many(1000), false, Scene.data)
        var worded = 0
        val controller = Gallery.stage(Variant.LIGHT) { context ->
            RowList(context) {}.apply {
                val lines = QueueLines(context, Lang.ZH, state, Numbers(), { null }) {}
                show(object : cn.xunge.app.kit.Lines by lines {
                    override fun at(position: Int): Line = lines.at(position).also { worded = maxOf(worded, position) }
                })
            }
        }
        val list = controller.get().view<RowList>(R.id.row_list)
        assertTrue((0 until list.childCount).any { list.getChildAt(it) is Row })
        assertTrue("worded up to $worded", worded < 30)
        controller.close()
    }

    @Test
    fun `only a sync that held photos back offers mobile data`() {
        RuntimeEnvironment.setQualifiers(Variant.LIGHT.qualifiers)
        for (forced in listOf(false, true)) {
            val report = QueueOf(emptyList()).report(forced)
            val state = QueueState(Scene.today, emptyList(), emptyList(), Scene.filed, false, Scene.data, Syncing(report = report))
            val lines = QueueLines(RuntimeEnvironment.getApplication(), Lang.ZH, state, Numbers(), { null }) {}
            assertEquals(!forced, (0 until lines.count).any { (lines.at(it) as? Line.Thing)?.id == QueueLines.FORCED })
        }
    }

    @Test
    fun `an empty queue says how something comes into it`() {
        val controller = Gallery.stage(Variant.LIGHT) { context ->
            QueuePage(MineHost(context)).build(Read(QueueState(Scene.today, emptyList(), emptyList(), emptyList(), false, Scene.data)))
        }
        assertNull(controller.get().findViewById<View>(R.id.row_list))
        controller.close()
    }
}
