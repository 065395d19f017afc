package cn.xunge.app.walk

import cn.xunge.app.R
import cn.xunge.app.XungeRunner
import cn.xunge.conformance.Rig
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.annotation.Config
import java.time.LocalDate
import java.time.ZoneId

/** The month of a sports manager: a record, returned with a reason, mended and approved. */
@RunWith(XungeRunner::class)
@Config(sdk = [35], qualifiers = "zh-rCN-w360dp-h720dp-port-xhdpi")
class MonthWalkTest : Walk() {
    private val month: String get() = app.resources.getStringArray(R.array.month_names)[LocalDate.now(ZoneId.of("Asia/Shanghai")).monthValue - 1]

    private fun lookAtMonth(words: String) {
        hand.press("我的")
        hand.press("本月活动")
        hand.awaits(words)
    }

    /** Today, which the dialog offers, at this time. */
    private fun choose(row: String, hour: Int, minute: Int) {
        hand.press(row)
        hand.confirm()
        hand.confirm(hour, minute)
    }

    @Test
    fun `a record made offline is returned with a reason, mended, approved, and the month is done`() {
        enrol(Rig.invite("704", role = "sports_manager"))
        lookAtMonth("${month}还没有活动")
        // Offline, in the gymnasium.
        Rig.line("down")
        hand.press("记一场活动")
        hand.press("健身")
        hand.type(TITLE, at = "名称")
        choose("开始", 0, 0)
        choose("结束", 0, 30)
        hand.type("400", at = "人数")
        hand.type("体育馆", at = "地点")
        hand.type("同光社区居委会", at = "组织单位")
        hand.press("拍照")
        shoot()
        hand.awaits("照片 1")
        hand.press("再拍一张")
        shoot()
        hand.awaits("照片 2")
        hand.press("提交给街道")
        // The centre asks for more photos; the manager has no more.
        hand.awaits("要求至少 3 张照片")
        hand.press("就这样交")
        hand.awaits("已保存在本机")
        assertEquals(emptyList<Any>(), Rig.activities(TITLE))
        hand.press("回今日")
        hand.awaits("1 条待上传")
        lookAtMonth("${month}的活动待审")
        // Back among people: it goes up, and the reviewer of the district returns it.
        signalBack()
        hand.until("waits for the record at the server") { Rig.activities(TITLE).singleOrNull()?.version == 1 }
        val record = Rig.activities(TITLE).single().record
        Rig.review(record, 1, WHY)
        hand.awaits("${month}的活动被退回")
        hand.press("改退回的那场")
        hand.awaits(WHY)
        hand.press(TITLE)
        hand.awaits("退回时说：")
        hand.press("修改")
        hand.awaits(WHY)
        assertTrue(hand.screen(), hand.sees(TITLE) && hand.sees("同光社区居委会") && hand.sees("照片 2"))
        hand.type("40", at = "人数")
        hand.press("提交给街道")
        hand.press("就这样交")
        hand.until("waits for the new version at the server") { Rig.activities(TITLE).singleOrNull()?.version == 2 }
        Rig.review(record, 2)
        hand.press("回今日")
        lookAtMonth("${month}的活动已通过")
        assertTrue(hand.screen(), !hand.sees("退回"))
    }

    private companion object {
        const val TITLE = "秋季健步走"
        const val WHY = "人数与照片不符，请核实"
    }
}
