package cn.xunge.conformance

import cn.xunge.client.code
import cn.xunge.core.CancelToken
import cn.xunge.core.Device
import cn.xunge.core.EntryId
import cn.xunge.core.Handset
import cn.xunge.core.Phone
import cn.xunge.core.PhotoOrigin
import cn.xunge.core.PointE7
import cn.xunge.core.Position
import cn.xunge.core.QueueFilter
import cn.xunge.core.QueueRow
import cn.xunge.core.ReportDraft
import cn.xunge.core.SyncListener
import cn.xunge.core.SyncProgress
import cn.xunge.core.SyncReport
import cn.xunge.core.SyncTrigger
import cn.xunge.core.XungeException
import cn.xunge.core.use
import cn.xunge.ids.MatterNumber
import cn.xunge.ids.Moment
import java.io.File
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.locks.LockSupport
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.assertThrows

/** A phone of one test, with a folder and a keystore of its own, and a post of its own unless one is given. */
class Field(
    val role: String = "patroller",
    val area: String = Rig.HERE,
    /** The number of the post. */
    val post: String = "${100 + NUMBERS.incrementAndGet()}",
) {
    val folder = File(System.getProperty("xunge.work"), "$post-${System.nanoTime()}").absoluteFile.apply { mkdirs() }
    val home = File(folder, "phone")
    val phone = FakePhone(File(folder, "keys"))
    val core: Phone = open(phone)
    val here = position(if (area == Rig.DUTY_AREA) Rig.DUTY_CELL else Rig.CELL)

    /** The same phone after its process was gone: nothing in memory is kept. */
    fun open(phone: FakePhone = FakePhone(File(folder, "keys"))): Phone = Phone.at(home.path, phone.services)

    fun invite() = Rig.invite(post, role, area)

    /** Enrols the first user and syncs once, so that grid and types are there. */
    fun enrol(): Handset {
        val handset = CancelToken().use { core.enrol(invite().text, DEVICE, it) }
        val report = handset.syncNow()
        assertTrue(report.isSuccess, "$report")
        return handset
    }

    companion object {
        private val NUMBERS = AtomicInteger()
        val DEVICE = Device("Pixel", "Android 14", "0.1.0")
        val MATTER = MatterNumber("E0102")

        /** Photos that differ. */
        val PHOTOS: List<File> = File(System.getProperty("xunge.root"), "tests/photos").listFiles()!!
            .filter { it.extension == "jpg" }
            .sortedBy { it.name }

        fun position(cell: String): Position {
            val (lat, lon) = Rig.point(cell)
            return Position(PointE7(lat, lon), 800u, "gps", false, Moment(System.currentTimeMillis()))
        }
    }
}

/** A sync that a person asked for: it does not wait for retry times. */
fun Handset.syncNow(by: SyncTrigger = SyncTrigger.PERSON, tell: (SyncProgress) -> Unit = {}): SyncReport =
    CancelToken().use { sync(by, it, listener(tell)) }

fun listener(tell: (SyncProgress) -> Unit) = object : SyncListener {
    override fun onProgress(progress: SyncProgress) = tell(progress)
}

/** A report with text and place, not yet submitted. */
fun Handset.draft(text: String, here: Position, photos: List<File> = emptyList()): ReportDraft = newReport().apply {
    matter(Field.MATTER)
    text(text)
    at(here)
    photos.forEach { photo -> CancelToken().use { addPhoto(photo.path, PhotoOrigin.CAMERA, it) } }
}

/** Files a report. */
fun Handset.file(text: String, here: Position, photos: List<File> = emptyList()): EntryId =
    draft(text, here, photos).use { it.submit().item }

fun Handset.queue(): List<QueueRow> = queuePage(QueueFilter.ALL, null, 1000u)
fun Handset.row(id: EntryId): QueueRow = item(id).row

/** The call must fail with this code, and with words in both languages. */
fun assertFails(code: String, call: () -> Unit): XungeException.Failed {
    val failed = assertThrows<XungeException.Failed> { call() }
    assertEquals(code, failed.code)
    assertTrue(failed.why.words.zh.isNotBlank() && failed.why.words.en.isNotBlank(), "words of $code")
    return failed
}

/** Polls a condition; true when it holds, false after the deadline. */
fun within(seconds: Double, condition: () -> Boolean): Boolean {
    val deadline = System.nanoTime() + (seconds * 1e9).toLong()
    while (!condition()) {
        if (System.nanoTime() > deadline) return false
        LockSupport.parkNanos(5_000_000)
    }
    return true
}

/** Polls until the condition holds; fails after 30 seconds. */
fun eventually(what: String, condition: () -> Boolean) = assertTrue(within(30.0, condition), what)
