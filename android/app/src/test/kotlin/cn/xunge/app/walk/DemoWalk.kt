package cn.xunge.app.walk

import android.graphics.Bitmap
import android.graphics.Canvas
import cn.xunge.app.XungeRunner
import cn.xunge.app.kit.State
import cn.xunge.core.QueueFilter
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.annotation.Config
import java.io.File
import java.util.Locale

/**
 * A new patroller of the demo city: his report is handled by the clerks of the demo, at their pace, until its case ends.
 * Run by `cargo xtask demo --handset android`; it says each step in a line and puts a picture of it into `walk.dir`.
 */
@RunWith(XungeRunner::class)
@Config(sdk = [35], qualifiers = "zh-rCN-w360dp-h720dp-port-xhdpi")
class DemoWalk : Handheld() {
    private val began = System.nanoTime()
    private val folder = File(checkNotNull(System.getProperty("walk.dir")) { "walk.dir is not set" })
    private val city = Json.parseToJsonElement(File(checkNotNull(System.getProperty("xunge.demo")) { "xunge.demo is not set" }).readText()).jsonObject
    private var pictures = 0

    private fun told(name: String) = city.getValue(name).jsonPrimitive

    private fun say(words: String) = println("walk: %5.1f s  %s".format(Locale.ROOT, (System.nanoTime() - began) / 1e9, words))

    /** One step: what was done, and what the screen shows then. */
    private fun step(name: String, words: String) {
        hand.settle()
        val root = hand.root()
        val bitmap = Bitmap.createBitmap(root.width, root.height, Bitmap.Config.ARGB_8888)
        root.draw(Canvas(bitmap))
        val file = File(folder, "%02d-%s.png".format(Locale.ROOT, ++pictures, name))
        file.outputStream().use { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }
        say("$words  [${file.name}]")
    }

    /** The state of the case as this handset knows it. */
    private fun state(): String? = app.session.handset.queuePage(QueueFilter.ALL, null, 9u).firstNotNullOfOrNull { it.caseState }

    private fun answer() {
        hand.press(REPORT)
        hand.awaits("整改好了吗")
        step("task", "a check task arrived: was it cleaned")
        hand.press("已整改")
        hand.press("拍照")
        shoot()
        hand.awaits("照片 1")
        step("answer", "answered 已整改, with a photo from the same place")
        hand.press("提交")
        hand.awaits("现在没有任务")
        step("answered", "the centre has the answer")
        hand.press("今日")
    }

    @Test
    fun `a new patroller works in the demo city until his case ends`() {
        folder.mkdirs()
        enrol(told("invitation").content, told("server").content)
        step("enrolled", "enrolled at ${told("server").content}; grid and types arrived")
        stand(Spot(told("cell").content, told("lat").int, told("lon").int))
        hand.press("签到")
        hand.awaits("在岗")
        step("on-duty", "checked in at ${told("cell").content}")
        hand.press("上报")
        hand.awaits("拍照")
        step("camera", "the app's own camera (the preview is not drawn here)")
        shoot()
        hand.awaits("是什么问题")
        step("types", "a photo was taken; the type is asked for")
        describe(REPORT)
        step("submit", "type chosen by the initials bllj, a few words added")
        hand.press("提交")
        hand.awaits("受理号")
        step("received", "the server has it, with its number")
        hand.press("回今日")
        // From here on the clerks of the demo work; the check comes to the person on duty in the cell.
        var known: String? = null
        hand.until("waits until the centre is done with his case", PATIENCE_S) {
            val now = state()
            if (now != known) {
                known = now
                say("the case is ${State.of("case_$now")?.let { app.getString(it.word) } ?: now}")
            }
            if (app.session.handset.tasks().any { it.answered == null && REPORT in it.wording } && hand.sees(REPORT)) answer()
            now == "closed" || now == "not_filed"
        }
        hand.press("我的")
        hand.press("我报的")
        // The answer is listed too, with what was asked; the report is what has ended.
        hand.until("waits for the end of the case") { hand.sees("结案") || hand.sees("不立案") }
        hand.press(if (hand.sees("不立案")) "不立案" else "结案")
        hand.awaits("案卷 ")
        step("ended", "the author sees the end of his case")
        assertTrue("pictures in $folder", pictures > 7)
    }

    private companion object {
        const val REPORT = "安卓终端走一遍时报的"
        const val PATIENCE_S = 900L
    }
}
