package cn.xunge.conformance

import cn.xunge.client.exportParcels
import cn.xunge.client.watch
import cn.xunge.core.CancelToken
import cn.xunge.core.ExportStep
import cn.xunge.core.ItemState
import cn.xunge.core.PhotoOrigin
import cn.xunge.core.QueueFilter
import cn.xunge.core.Watched
import cn.xunge.core.use
import java.io.File
import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout

/** Users, and what happens to their homes. */
@Timeout(120)
class UsersTest {
    @Test
    fun `c17 a second user works on the phone`() {
        val (field, other) = Field() to Field()
        val first = field.enrol()
        first.checkIn(field.here, "甲")
        first.end()

        val second = CancelToken().use { field.core.enrolAnother(other.invite().text, Field.DEVICE, it) }
        second.checkIn(field.here, "乙")
        val users = field.core.users()
        assertEquals(listOf("巡查员${field.post}", "巡查员${other.post}"), users.map { it.name })
        assertEquals(listOf(false, true), users.map { it.isCurrent })
        assertEquals(listOf(1uL, 1uL), users.map { it.waiting?.entries })
        val entries = Rig.entries()

        // The second user's watch sends both, each under his own name.
        val heard = CopyOnWriteArrayList<Watched>()
        runBlocking {
            val watching = launch(Dispatchers.Default) { field.core.watch(second) { heard += it } }
            eventually("both were synced: $heard") {
                heard.any { it is Watched.SyncedOther && it.name == "巡查员${field.post}" } &&
                    heard.any { it is Watched.Synced && it.report.isSuccess }
            }
            watching.cancelAndJoin()
        }
        assertEquals(entries + 2, Rig.entries())
        assertEquals(listOf(0uL, 0uL), field.core.users().map { it.waiting?.entries })

        assertFails("user.unknown") { field.core.switchTo(9u) }
        field.core.switchTo(1u)
        val back = field.core.openCurrent()
        assertEquals("巡查员${field.post}", back.today().holder)
        assertEquals("巡查员${other.post}", second.today().holder)
        assertTrue(back.today().isPresenceConfirmed)
    }

    @Test
    fun `c19 everything that waits is exported sealed`() {
        val field = Field()
        val handset = field.enrol()
        val texts = listOf("没有网络一", "没有网络二")
        handset.file(texts[0], field.here, Field.PHOTOS.take(1))
        handset.file(texts[1], field.here)
        val (file, again) = File(field.folder, "card.xgp") to File(field.folder, "card-2.xgp")
        val steps = CopyOnWriteArrayList<ExportStep>()
        val exported = runBlocking { handset.exportParcels(file.path) { steps += it } }
        assertEquals(2uL to 1uL, exported.entries to exported.photos)
        assertEquals(exported to 0uL, steps.last().sealed to steps.last().left)
        assertFalse(String(file.readBytes()).contains("没有网络"), "sealed")
        assertFails("parcel.file_exists") { runBlocking { handset.exportParcels(file.path) } }
        runBlocking { handset.exportParcels(again.path) }
        assertEquals(2, handset.queuePage(QueueFilter.UNSENT, null, 10u).size, "the export is no receipt")

        for (card in listOf(file, again, file)) Rig.import(card)
        val held = { texts.map { text -> Rig.reports(text).single().let { it.photosNamed to it.photosHeld } } }
        assertEquals(listOf(1 to 1, 0 to 0), held())
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(listOf(1 to 1, 0 to 0), held())
        assertEquals(listOf(ItemState.RECEIVED), handset.queue().map { it.state }.distinct())
    }

    @Test
    fun `c20 a damaged home is moved aside, handed over and enrolled again`() {
        val field = Field()
        val handset = field.enrol()
        handset.file("损坏之前", field.here, Field.PHOTOS.take(1))
        handset.end()
        val database = File(field.home, "account.db")
        val bytes = database.readBytes()
        bytes.fill(0, 0, 16)
        database.writeBytes(bytes)

        val failed = assertFails("store.moved_aside") { field.core.openCurrent() }
        assertTrue(File(failed.details.getValue("moved_to")).exists(), "${failed.details}")
        val user = field.core.users().single()
        assertEquals("moved_aside" to true, user.condition to user.isSalvageDue)
        assertTrue(user.conditionWords.zh.isNotBlank() && user.conditionWords.en.isNotBlank())

        // Without the server the damaged database is kept.
        Rig.line("down")
        assertFalse(field.core.salvage(1u, null))
        Rig.line("good")
        assertTrue(field.core.salvage(1u, null))
        assertEquals(1, Rig.reports("损坏之前").single().photosHeld)
        assertTrue(field.core.salvage(1u, null))
        assertEquals(1, Rig.reports("损坏之前").size)

        val again = field.enrol()
        again.file("损坏之后", field.here)
        assertTrue(again.syncNow().isSuccess)
        assertEquals(1, Rig.reports("损坏之后").size)
    }

    @Test
    fun `c22 after its end every call of a handset fails`() {
        val field = Field()
        val handset = field.enrol()
        val draft = handset.draft("关闭之后", field.here, Field.PHOTOS.take(1)).apply { save() }
        handset.end()
        handset.end()
        val calls = listOf(
            { handset.today() },
            { handset.queue() },
            { handset.tasks() },
            { handset.newReport() },
            { handset.checkIn(null, "") },
            { handset.networkSettings() },
            { handset.history(null, 1u) },
            { handset.searchTypes("") },
            { handset.nextDue() },
            { handset.syncNow() },
            { draft.submit() },
            { draft.save() },
            { CancelToken().use { draft.addPhoto(Field.PHOTOS[1].path, PhotoOrigin.CAMERA, it) } },
        )
        for (call in calls) assertFails("terminal.closed") { call() }
        assertEquals("关闭之后", draft.content().text, "what a draft holds in memory can still be read")

        val again = field.core.openCurrent()
        assertNotEquals(handset, again)
        assertEquals(listOf(draft.id()), again.drafts().map { it.id })
    }
}
