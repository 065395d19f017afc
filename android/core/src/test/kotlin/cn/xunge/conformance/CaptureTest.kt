package cn.xunge.conformance

import cn.xunge.core.CancelToken
import cn.xunge.core.ItemContent
import cn.xunge.core.ItemState
import cn.xunge.core.PhotoOrigin
import cn.xunge.core.Place
import cn.xunge.core.use
import cn.xunge.ids.EntryKey
import java.io.File
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout

@Timeout(120)
class CaptureTest {
    @Test
    fun `c04 a check-in is filed offline at once`() {
        val field = Field()
        val handset = field.enrol()
        Rig.line("down")
        field.phone.surroundings.network = FakeSurroundings.OFFLINE
        val id = handset.checkIn(field.here, "早")
        assertFails("checkin.already") { handset.checkIn(field.here, "") }
        val today = handset.today()
        assertTrue(today.isOnDuty)
        assertFalse(today.isPresenceConfirmed)
        assertEquals(ItemState.QUEUED, handset.row(id).state)

        val report = handset.syncNow()
        assertFalse(report.isSuccess)
        assertEquals("network.offline", report.problem?.code)
        Rig.line("good")
        field.phone.surroundings.network = FakeSurroundings.FREE
        assertTrue(handset.syncNow().isSuccess)
        assertTrue(handset.today().isPresenceConfirmed)
    }

    @Test
    fun `c05 a saved draft keeps everything that was entered`() {
        val field = Field()
        val handset = field.enrol()
        assertEquals(Field.MATTER, handset.searchTypes("").first { it.code == Field.MATTER }.code)
        val draft = handset.draft("井盖破损", field.here)
        draft.address("人民大街 1 号")
        draft.selfHandled(true)
        assertTrue(draft.located() is Place.In)
        draft.save()

        assertEquals(listOf(draft.id()), handset.drafts().map { it.id })
        val back = handset.reportDraft(draft.id())
        assertEquals(draft.content(), back.content())
        assertEquals(field.here, back.position())
        val content = back.content()
        assertEquals(listOf("井盖破损", "人民大街 1 号"), listOf(content.text, content.address))
        assertEquals(Field.MATTER to true, content.matter to content.selfHandled)
        assertEquals(Rig.CELL, back.cellName()?.cell?.code?.text)
        assertFails("item.unknown") { handset.item(EntryKey("01a22756-232e-7bf4-976a-44b082239d4d")) }
    }

    @Test
    fun `c06 two photos are added by path`() {
        val field = Field()
        val handset = field.enrol()
        val photos = Field.PHOTOS.take(2)
        val before = photos.map { it.readBytes().toList() }
        val draft = handset.draft("两张照片", field.here, photos)
        assertEquals(2, draft.photos().size)
        assertEquals(before, photos.map { it.readBytes().toList() })

        val text = File(field.folder, "text.jpg").apply { writeText("not a photo") }
        assertFails("photo.not_an_image") { CancelToken().use { draft.addPhoto(text.path, PhotoOrigin.CAMERA, it) } }
        assertFails("photo.unreadable") { CancelToken().use { draft.addPhoto("${text.path}.gone", PhotoOrigin.CAMERA, it) } }
        val cancelled = CancelToken()
        cancelled.cancel()
        assertFails("call.cancelled") { draft.addPhoto(Field.PHOTOS[2].path, PhotoOrigin.CAMERA, cancelled) }
        assertEquals(2, draft.photos().size)

        for (photo in draft.photos()) {
            assertEquals(photo.size, handset.photo(photo.sha256).size.toULong())
            assertTrue(handset.thumbnail(photo.sha256).size in 1..100_000)
        }
        draft.removePhoto(draft.photos()[0].sha256)
        assertEquals(1, draft.photos().size)
    }

    @Test
    fun `c07 after the process was gone the draft is back with its photos`() {
        val field = Field()
        val handset = field.enrol()
        val draft = handset.draft("相机杀进程", field.here, Field.PHOTOS.take(2))
        draft.save()
        val photos = draft.photos()
        handset.end()
        handset.close()

        val again = field.open().openCurrent()
        val back = again.reportDraft(draft.id())
        assertEquals("相机杀进程" to photos, back.content().text to back.photos())
        val filed = back.submit()
        assertEquals(2u to false, filed.photos to filed.again)
        assertTrue(again.syncNow().isSuccess)
        assertEquals(listOf(2), Rig.reports("相机杀进程").map { it.photosHeld })
    }

    @Test
    fun `c08 submitting twice files once`() {
        val field = Field()
        val handset = field.enrol()
        val draft = handset.draft("提交两次", field.here, Field.PHOTOS.take(1))
        val first = draft.submit()
        val second = draft.submit()
        assertEquals(first.copy(again = true), second)
        assertEquals(1, handset.queue().size)
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(first.copy(again = true), draft.submit())
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(1, Rig.reports("提交两次").size)
        val content = handset.item(first.item).content as ItemContent.Report
        assertEquals("提交两次", content.text)
    }
}
