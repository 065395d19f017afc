package cn.xunge.app.walk

import cn.xunge.conformance.Rig
import cn.xunge.core.NudgeReason
import org.junit.After
import org.junit.Before

/** A walk against the rig: a small city behind a line that can be cut. */
abstract class Walk : Handheld() {
    @Before
    @After
    fun goodLine() {
        Rig.line("good")
    }

    protected fun enrol(invited: Rig.Invited) = enrol(invited.text, invited.server)

    /** The phone is in this cell from now on. */
    protected fun stand(cell: String) = Rig.point(cell).let { (lat, lon) -> stand(Spot(cell, lat, lon)) }

    /** The phone notices that there is a signal again. */
    protected fun signalBack() {
        Rig.line("good")
        app.session.nudge(NudgeReason.NETWORK)
    }
}
