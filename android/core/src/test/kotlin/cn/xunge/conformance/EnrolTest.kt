package cn.xunge.conformance

import cn.xunge.client.code
import cn.xunge.client.enrol
import cn.xunge.core.CancelToken
import cn.xunge.core.previewInvitation
import cn.xunge.core.use
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.assertThrows
import java.util.Base64

@Timeout(120)
class EnrolTest {
    @Test
    fun `c01 an invitation is read without being used`() {
        val field = Field()
        val invited = field.invite()
        val seen = previewInvitation(" ${invited.text}\n")
        assertEquals(invited.server, seen.server)
        assertTrue(seen.isPinned)
        assertTrue(seen.code.isNotBlank())
        assertEquals(seen, previewInvitation(invited.text))
        assertFails("enrol.string") { previewInvitation("xunge1:nonsense") }
        assertFails("enrol.string") { CancelToken().use { field.core.enrol("", Field.DEVICE, it) } }
        assertFalse(field.home.exists(), "nothing is created before somebody enrols")
    }

    @Test
    fun `c02 a cancelled enrolment enrols nobody`() {
        val field = Field()
        val invitation = field.invite().text
        val before = CancelToken()
        before.cancel()
        assertFails("call.cancelled") { field.core.enrol(invitation, Field.DEVICE, before) }
        assertFails("enrol.none") { field.core.openCurrent() }

        // During: the line is silent, and the coroutine is cancelled.
        val faults = Rig.faults()
        Rig.line("stall", 100)
        runBlocking {
            val enrolling = async(Dispatchers.Default) { field.core.enrol(invitation, Field.DEVICE) }
            eventually("the line stalls") { Rig.faults() > faults }
            enrolling.cancel()
            assertThrows<CancellationException> { enrolling.await() }
        }
        Rig.line("good")
        assertFails("enrol.none") { field.core.openCurrent() }
        assertEquals(listOf("enrolment_pending"), field.core.users().map { it.condition })

        val handset = CancelToken().use { field.core.enrol(invitation, Field.DEVICE, it) }
        assertEquals("巡查员${field.post}", handset.today().holder)
    }

    @Test
    fun `c03 a key in the keystore enrols over pinned TLS`() {
        val field = Field()
        val invited = field.invite()
        // The same invitation, pinned to other keys.
        val coded = invited.text.removePrefix("xunge1:")
        val json = String(Base64.getUrlDecoder().decode(coded))
        val pins = Regex(""""pins":\[[^]]*]""")
        assertTrue(pins.containsMatchIn(json))
        val other = json.replace(pins, """"pins":["${"0".repeat(64)}"]""")
        val foreign = "xunge1:" + Base64.getUrlEncoder().withoutPadding().encodeToString(other.toByteArray())
        assertFails("network.pin") { CancelToken().use { field.core.enrol(foreign, Field.DEVICE, it) } }

        val handset = CancelToken().use { field.core.enrol(invited.text, Field.DEVICE, it) }
        assertTrue(handset.syncNow().isSuccess)
        val today = handset.today()
        assertEquals(invited.holder to invited.server, today.holder to today.server)
        assertEquals(field.post, today.postNumber)
        assertTrue(today.isTimeTrusted)
        assertFails("enrol.already") { CancelToken().use { field.core.enrol(invited.text, Field.DEVICE, it) } }
    }
}
