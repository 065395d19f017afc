package cn.xunge.app

import android.os.Bundle
import android.os.Looper
import android.view.View
import android.view.ViewGroup
import android.widget.EditText
import android.widget.ImageView
import android.widget.ListView
import cn.xunge.app.kit.CheckRow
import cn.xunge.app.kit.Field
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Line
import cn.xunge.app.kit.Lines
import cn.xunge.app.kit.NavBar
import cn.xunge.app.kit.PrimaryButton
import cn.xunge.app.kit.RadioCard
import cn.xunge.app.kit.Row
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.State
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.TypeButton
import cn.xunge.app.kit.mark
import cn.xunge.app.kit.typeGrid
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Assert.assertNull
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import java.time.Duration

/** An activity with a field, to be turned. */
class FieldStage : android.app.Activity() {
    override fun onCreate(state: Bundle?) {
        setTheme(R.style.Theme_Xunge)
        super.onCreate(state)
        setContentView(Screen(this).apply { column.add(Field(this@FieldStage, R.id.test_field, "名称")) })
    }
}

@RunWith(XungeRunner::class)
class KitTest {
    @Test
    fun `a button that does not work yet keeps the focus and says why instead of acting`() {
        var pressed = 0
        val stage = Gallery.stage(Variant.LIGHT) { PrimaryButton(it, "提交") { pressed++ } }
        val button = find<PrimaryButton>(stage.get().window.decorView)
        button.notYet("需先选类型")
        assertTrue(button.isFocusable && button.isEnabled)
        assertEquals("提交，还不能用：需先选类型", button.contentDescription.toString())
        button.performClick()
        assertEquals(0, pressed)
        button.notYet(null)
        button.performClick()
        assertEquals(1, pressed)
        assertEquals("提交", button.contentDescription.toString())
        stage.close()
    }

    @Test
    fun `what was typed is kept when the handset is turned`() {
        Gallery.enter(Variant.LIGHT)
        val controller = Robolectric.buildActivity(FieldStage::class.java).setup()
        controller.get().view<EditText>(R.id.test_field).setText("秧歌鼓乐排练")
        RuntimeEnvironment.setQualifiers("+land")
        controller.configurationChange()
        controller.visible()
        assertEquals("秧歌鼓乐排练", controller.get().view<EditText>(R.id.test_field).text.toString())
        controller.close()
    }

    @Test
    fun `a list of any length asks only for the lines on the screen and reuses their views`() {
        var asked = 0
        val pressed = ArrayList<Long>()
        val stage = Gallery.stage(Variant.LIGHT) { context ->
            Screen(context).apply {
                list { pressed += it }.show(object : Lines {
                    override val count = 100_000

                    override fun at(position: Int): Line {
                        asked++
                        return if (position == 0) Line.Head("今天") else Line.Thing(position + 10L, RowModel("第 $position 条"))
                    }
                })
            }
        }
        val list = stage.get().view<ListView>(R.id.row_list)
        assertTrue("asked $asked times", asked < 2_000)
        assertTrue("${list.childCount} views", list.childCount in 5..20)
        val row = list.getChildAt(3)
        assertTrue(list.adapter.getView(5, row, list) === row)
        assertEquals("第 5 条", row.contentDescription.toString())
        list.performItemClick(list.getChildAt(1), 1, list.adapter.getItemId(1))
        list.performItemClick(list.getChildAt(0), 0, list.adapter.getItemId(0))
        assertEquals(listOf(11L), pressed)
        stage.close()
    }

    @Test
    fun `a row speaks its title, its state and the rest as one`() {
        val stage = Gallery.stage(Variant.LIGHT) { context ->
            Row(context, RowModel("道路破损", state = State.REFUSED.mark(context, "没有收到照片 2"), sub = "09:20", action = "改"))
        }
        assertEquals("道路破损，被退回：没有收到照片 2，09:20，改", find<Row>(stage.get().window.decorView).contentDescription.toString())
        stage.close()
    }

    @Test
    fun `a state has its word in both languages, and each placeholder must be given`() {
        for ((variant, word) in listOf(Variant.LIGHT to "已收到，照片 1/3", Variant.ENGLISH to "Received, photos 1 of 3")) {
            val stage = Gallery.stage(variant) { Label(it) }
            val mark = State.PHOTOS_PENDING.mark(stage.get(), 1, 3)
            assertEquals(word, mark.text)
            assertEquals(Tone.INFO, mark.tone)
            assertTrue(runCatching { State.PHOTOS_PENDING.mark(stage.get(), 1) }.isFailure)
            stage.close()
        }
        assertEquals(State.TASK_OVERDUE, State.of("task_overdue"))
        assertNull(State.of("no_such_state"))
    }

    @Test
    fun `choices say what they are and whether they are on`() {
        var on = false
        var picked = -1
        val stage = Gallery.stage(Variant.LIGHT) { context ->
            Screen(context).apply {
                column.add(CheckRow(context, "我已当场处理好") { on = it })
                column.add(RadioCard(context, listOf("甲" to null, "乙" to null), picked = 0) { picked = it })
            }
        }
        val root = stage.get().window.decorView
        val check = find<CheckRow>(root)
        check.performClick()
        assertTrue(on && check.isChecked && check.createAccessibilityNodeInfo().isChecked)
        val radio = find<RadioCard>(root)
        radio.getChildAt(1).performClick()
        assertEquals(1, picked)
        assertFalse(radio.getChildAt(0).createAccessibilityNodeInfo().isChecked)
        assertTrue(radio.getChildAt(1).createAccessibilityNodeInfo().isChecked)
        stage.close()
    }

    @Test
    fun `an undo is offered for ten seconds and is either taken or over, never both`() {
        val log = ArrayList<String>()
        val stage = Gallery.stage(Variant.LIGHT) { Screen(it) }
        val screen = find<Screen>(stage.get().window.decorView)
        screen.snackbar.show("已删除草稿", { log += "undone" }, { log += "over" })
        screen.snackbar.getChildAt(1).performClick()
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofSeconds(20))
        assertEquals(listOf("undone"), log)
        screen.snackbar.show("已删除草稿", { log += "undone" }, { log += "over" })
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofSeconds(9))
        assertEquals(View.VISIBLE, screen.snackbar.visibility)
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofSeconds(2))
        assertEquals(View.GONE, screen.snackbar.visibility)
        assertEquals(listOf("undone", "over"), log)
        stage.close()
    }

    @Test
    fun `types stand in three columns, and in one when the text is twice as large`() {
        for ((variant, columns) in listOf(Variant.LIGHT to 3, Variant.LARGE to 1)) {
            val stage = Gallery.stage(variant) { context ->
                Screen(context).apply { column.add(typeGrid(context, (1..6).map { TypeButton(context, "道路破损 $it") {} })) }
            }
            val buttons = all(stage.get().window.decorView).filterIsInstance<TypeButton>()
            assertEquals(columns, buttons.map { it.left }.distinct().size)
            stage.close()
        }
    }

    @Test
    fun `the screen speaks its title as a heading and hides nothing under the foot`() {
        val stage = Gallery.stage(Variant.LARGE, KitPages::submit)
        val root = stage.get().window.decorView
        assertTrue(all(root).filterIsInstance<Label>().any { it.text.toString() == "道路破损" && it.isAccessibilityHeading })
        val scroll = root.view<View>(R.id.scroll)
        val primary = find<PrimaryButton>(root)
        val place = IntArray(2)
        scroll.getLocationInWindow(place)
        val end = place[1] + scroll.height
        primary.getLocationInWindow(place)
        assertTrue(end <= place[1])
        stage.close()
    }

    @Test
    fun `with large text ornaments go and words stay`() {
        for ((variant, icons) in listOf(Variant.LIGHT to true, Variant.LARGE to false)) {
            val stage = Gallery.stage(variant, KitPages::today)
            val views = all(stage.get().window.decorView)
            assertEquals(icons, all(views.filterIsInstance<NavBar>().first()).any { it is ImageView })
            val arrows = views.filterIsInstance<Row>().map { row -> row.getChildAt(row.childCount - 1) }
            assertEquals(2, arrows.size)
            assertTrue(arrows.all { (it.visibility == View.VISIBLE) == icons })
            val words = views.filterIsInstance<Label>().map { it.text.toString() }
            assertTrue(words.containsAll(listOf("今日", "上报", "我的")) && words.any { it.startsWith("任务") })
            stage.close()
        }
    }

    /** On Android 8 text grows in proportion, more than on 14: the harder case for 200 %. */
    @Test
    @Config(sdk = [26])
    fun `all pages hold on the oldest Android too`() {
        for (variant in listOf(Variant.LIGHT, Variant.DARK, Variant.LARGE, Variant.LARGE_ENGLISH)) {
            for ((name, page) in KitPages.ALL + ("k-components" to KitPages::components)) {
                val stage = Gallery.stage(variant, page)
                Gallery.draw(name, variant.copy(name = "api26-${variant.name}"), stage.get().window.decorView)
                Audit.check(stage.get().window.decorView)
                stage.close()
            }
        }
    }

    private inline fun <reified T : View> find(root: View): T = all(root).filterIsInstance<T>().first()

    private fun all(view: View): List<View> =
        if (view is ViewGroup) listOf(view) + (0 until view.childCount).flatMap { all(view.getChildAt(it)) } else listOf(view)
}
