package cn.xunge.app.walk

import cn.xunge.app.XungeRunner
import cn.xunge.conformance.Rig
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowSystemClock
import java.time.Duration

/** Two people with one phone, in turns, and the lock of the app between them. */
@RunWith(XungeRunner::class)
@Config(sdk = [35], qualifiers = "zh-rCN-w360dp-h720dp-port-xhdpi")
class UsersWalkTest : Walk() {
    private fun report(text: String) {
        hand.press("上报")
        shoot()
        describe(text)
        hand.press("提交")
        hand.awaits("已保存在本机")
        hand.press("回今日")
    }

    private fun lookAtQueue(own: String, other: String) {
        hand.press("我的")
        hand.press("我报的")
        hand.awaits(own)
        assertFalse(hand.screen(), hand.sees(other))
        hand.press("返回")
        hand.press("今日")
    }

    private fun digits(pin: String) = pin.forEach { hand.press(it.toString()) }

    private fun setLock() {
        hand.press("我的")
        hand.press("解锁码")
        digits(PIN)
        hand.awaits("再输一次")
        digits(PIN)
        hand.awaits("已开")
        hand.press("今日")
    }

    /** The phone lies in the guard's room for two minutes, and another hand takes it. */
    private fun handedOver() {
        screen.pause().stop()
        ShadowSystemClock.advanceBy(Duration.ofMinutes(2))
        screen.restart().start().resume().visible()
        hand.awaits("输入解锁码")
        assertFalse(hand.screen(), hand.sees("待上传"))
        digits("111111")
        hand.awaits("解锁码不对")
        digits(PIN)
        hand.awaits("今日")
    }

    private fun switchTo(name: String) {
        hand.press("我的")
        hand.press("谁在用这部手机")
        hand.press(name)
        hand.awaits("未到岗")
        hand.press("我的")
        hand.awaits(name)
        hand.press("今日")
    }

    @Test
    fun `each of two users sees his own queue, and what both filed offline arrives in his name`() {
        val first = Rig.invite("705")
        val second = Rig.invite("706")
        enrol(first)
        setLock()
        hand.press("我的")
        hand.press("谁在用这部手机")
        hand.press("再加一个人")
        enrol(second)
        hand.press("我的")
        hand.awaits(second.holder)
        hand.press("今日")
        // Offline, one after the other.
        stand(Rig.CELL)
        Rig.line("down")
        report(MINE)
        hand.awaits("1 条待上传")
        handedOver()
        switchTo(first.holder)
        assertFalse(hand.screen(), hand.sees("1 条待上传"))
        stand(Rig.CELL)
        report(YOURS)
        lookAtQueue(own = YOURS, other = MINE)
        handedOver()
        switchTo(second.holder)
        lookAtQueue(own = MINE, other = YOURS)
        // The one who has the phone when the signal is back sends for both.
        signalBack()
        hand.until("waits for both reports at the server") { Rig.reports(MINE).size + Rig.reports(YOURS).size == 2 }
        assertEquals("706岗" to "705岗", Rig.reports(MINE).single().by to Rig.reports(YOURS).single().by)
        hand.awaits("记下的全部已收到")
        lookAtQueue(own = MINE, other = YOURS)
        hand.press("我的")
        hand.press("谁在用这部手机")
        hand.until("waits until nothing of anybody waits") { !hand.sees("待上传") && hand.sees(first.holder) }
        assertTrue(hand.screen(), hand.sees(second.holder))
    }

    private companion object {
        const val PIN = "246810"
        const val MINE = "第二位用户在离线时报的"
        const val YOURS = "第一位用户在离线时报的"
    }
}
