package cn.xunge.app.walk

import android.app.Application
import android.app.NotificationManager
import android.view.View
import android.view.ViewGroup
import cn.xunge.app.XungeRunner
import cn.xunge.app.background.DutyService
import cn.xunge.app.map.GridMap
import cn.xunge.conformance.Rig
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config

/** A report from the cellar to the end of its case. */
@RunWith(XungeRunner::class)
@Config(sdk = [35], qualifiers = "zh-rCN-w360dp-h720dp-port-xhdpi")
class WalkTest : Walk() {
    private fun announced(): List<String> = shadowOf(app.getSystemService(NotificationManager::class.java)).allNotifications
        .map { it.extras.getCharSequence("android.title").toString() }

    private fun map(view: View = screen.get().window.decorView): GridMap? = when (view) {
        is GridMap -> view
        is ViewGroup -> (0 until view.childCount).firstNotNullOfOrNull { map(view.getChildAt(it)) }
        else -> null
    }

    @Test
    fun `a patroller enrols, works in the cellar, checks what was done, and sees the case closed`() {
        enrol(Rig.invite("701", area = Rig.DUTY_AREA))
        // Check in.
        stand(Rig.DUTY_CELL)
        hand.press("签到")
        hand.awaits("在岗")
        val service = shadowOf(app as Application).nextStartedService
        assertEquals("a service while on duty", DutyService::class.java.name, service?.component?.className)
        // The map shows the cell from the pack that the sync fetched.
        hand.press("地图")
        hand.until("waits for the cell on the map") { map()?.scene?.grid?.cells.orEmpty().any { it.cell.code.text == Rig.DUTY_CELL } }
        stand(Rig.DUTY_CELL)
        hand.press("返回")
        // A report in the cellar.
        Rig.line("down")
        hand.press("上报")
        shoot()
        describe(REPORT)
        hand.press("提交")
        hand.awaits("已保存在本机")
        // The phone turns.
        screen.recreate()
        screen.visible()
        hand.awaits("已保存在本机")
        // The signal is back.
        signalBack()
        hand.awaits("受理号")
        val number = Rig.reports(REPORT).single().number
        assertTrue(hand.screen(), hand.sees(number))
        // The centre has it handled; the check comes to the person on duty there, with a notice.
        hand.press("回今日")
        val task = Rig.check(number, "同意")
        hand.awaits(REPORT)
        assertTrue("the task is announced: ${announced()}", announced().any { REPORT in it })
        hand.press(REPORT)
        hand.awaits("整改好了吗")
        hand.press("已整改")
        hand.press("拍照")
        shoot()
        hand.awaits("照片 1")
        Rig.line("down")
        hand.press("提交")
        // The list of tasks keeps what was answered until the centre has it.
        hand.awaits("已答 1 项")
        hand.awaits("待上传")
        signalBack()
        hand.until("waits until the server has the answer") { Rig.taskState(task)["state"].toString().contains("answered") }
        hand.awaits("现在没有任务")
        hand.until("waits until the notice of the task is gone") { announced().none { REPORT in it } }
        // The shift leader closes the case, and the author sees it where his reports are.
        Rig.close(number, "处置前后对比一致")
        hand.press("我的")
        hand.press("我报的")
        // The answer is listed too, with what was asked; the report is what is closed.
        hand.press("结案")
        hand.awaits("案卷 $number")
        hand.awaits("结案")
        assertTrue(hand.screen(), hand.sees("受理号 $number"))
    }

    private companion object {
        const val REPORT = "地下车库入口堆放垃圾"
    }
}
