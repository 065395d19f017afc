package cn.xunge.conformance

import cn.xunge.core.CancelToken
import cn.xunge.core.ChangeListener
import cn.xunge.core.ExportListener
import cn.xunge.core.ExportStep
import cn.xunge.core.FfiConverterString
import cn.xunge.core.FfiConverterTypeChangeListener
import cn.xunge.core.FfiConverterTypeClocks
import cn.xunge.core.FfiConverterTypeSyncListener
import cn.xunge.core.InternalException
import cn.xunge.core.Handset
import cn.xunge.core.ItemState
import cn.xunge.core.LogEntry
import cn.xunge.core.LogLevel
import cn.xunge.core.LogSink
import cn.xunge.core.RustBuffer
import cn.xunge.core.ScreenChanges
import cn.xunge.core.UniffiLib
import cn.xunge.core.UniffiRustCallStatus
import cn.xunge.core.WatchListener
import cn.xunge.core.Watched
import cn.xunge.core.setLog
import cn.xunge.core.use
import cn.xunge.ids.EntryKey
import cn.xunge.ids.YearAndMonth
import com.sun.jna.Native
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.assertThrows
import java.io.File
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread

/** What the app's own code can do to the core, and what a thousand calls do to the phone. */
@Timeout(120)
class HarmTest {
    /** The process has one log sink. It keeps every record and throws. */
    private object Log : LogSink {
        val records = CopyOnWriteArrayList<LogEntry>()
        init {
            assertTrue(setLog(this, LogLevel.DEBUG))
        }

        override fun onRecord(entry: LogEntry) {
            records += entry
            error("the sink throws")
        }
    }

    @Test
    fun `c24 a listener or log sink that throws ends nothing`() {
        val field = Field()
        Log.records.clear()
        assertFalse(setLog(Log, LogLevel.DEBUG), "a process has one log sink")
        val handset = field.enrol()
        val calls = AtomicInteger()
        fun boom(): Nothing {
            calls.incrementAndGet()
            throw IllegalStateException("boom")
        }
        val observing = handset.observe(object : ChangeListener {
            override fun onChange(changes: ScreenChanges) = boom()
        })
        handset.file("监听器出错", field.here, Field.PHOTOS.take(2))
        eventually("the observer is called") { calls.get() >= 1 }
        val exported = CancelToken().use {
            handset.exportParcels(
                File(field.folder, "card.xgp").path,
                it,
                object : ExportListener {
                    override fun onStep(step: ExportStep) = boom()
                },
            )
        }
        assertEquals(1uL to 2uL, exported.entries to exported.photos)
        val before = calls.get()
        val report = handset.syncNow { boom() }
        assertTrue(report.isSuccess, "$report")
        assertTrue(calls.get() > before + 3)
        assertEquals(2, Rig.reports("监听器出错").single().photosHeld)

        val cancel = CancelToken()
        val watching = thread {
            field.core.watch(
                handset,
                cancel,
                object : WatchListener {
                    override fun onEvent(event: Watched) = boom()
                },
            )
        }
        handset.file("监听器又出错", field.here)
        eventually("the watch goes on") { Rig.reports("监听器又出错").size == 1 }
        cancel.cancel()
        watching.join(10_000)
        assertFalse(watching.isAlive)
        // A listener may throw in every call; the subscription lives on.
        val seen = calls.get()
        handset.checkIn(field.here, "")
        eventually("the observer is called again") { calls.get() > seen }
        observing.end()
    }

    @Test
    fun `c25 while the clock throws work is filed and sent`() {
        val field = Field()
        val handset = field.enrol()
        val before = handset.today().now
        Log.records.clear()
        field.phone.clocks.fails = IllegalStateException("no clock, by 张三")
        val id = handset.file("时钟出错", field.here, Field.PHOTOS.take(1))
        handset.checkIn(field.here, "")
        assertTrue(handset.today().now.millis >= before.millis)
        // An Error, unlike an exception, does not get into the answer of a callback: the answer is then empty.
        Native.setCallbackExceptionHandler { _, _ -> }
        field.phone.clocks.fails = StackOverflowError()
        assertTrue(handset.syncNow().isSuccess)
        field.phone.clocks.fails = null
        assertEquals(ItemState.RECEIVED, handset.row(id).state)
        assertEquals(1, Rig.reports("时钟出错").single().photosHeld)
        assertTrue(Log.records.any { it.code == "platform.clock_failed" })
        assertFalse(Log.records.any { "张三" in it.toString() }, "no text of the app is logged")
    }

    @Test
    fun `c26 while network and battery cannot be asked entries go and photos wait`() {
        val field = Field()
        val handset = field.enrol()
        field.phone.surroundings.fails = SecurityException("no permission")
        val id = handset.file("网络未知", field.here, Field.PHOTOS.take(1))
        val report = handset.syncNow()
        assertEquals(1uL to 0uL, report.entriesReceived to report.photosReceived)
        assertEquals("policy.metered", report.heldBack?.code)
        assertEquals(ItemState.PHOTOS_PENDING, handset.row(id).state)
        field.phone.surroundings.fails = null
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(1, Rig.reports("网络未知").single().photosHeld)
    }

    @Test
    fun `c27 while the keystore throws calls fail with its code and nothing is lost`() {
        val field = Field()
        val handset = field.enrol()
        val id = handset.file("密钥锁定", field.here, Field.PHOTOS.take(1))
        field.phone.keys.fails = IllegalStateException("locked, by 张三")
        val failed = assertFails("vault.failed") { handset.syncNow() }
        assertFalse("张三" in "${failed.why} ${failed.details}", "what the app threw may name persons")
        handset.checkIn(field.here, "")
        assertEquals(2, handset.queue().size)
        handset.end()
        assertFails("vault.failed") { field.core.openCurrent() }
        assertEquals("keys_unreadable", field.core.users().single().condition)

        field.phone.keys.fails = null
        val again = field.core.openCurrent()
        assertEquals(ItemState.QUEUED, again.row(id).state)
        assertTrue(again.syncNow().isSuccess)
        assertEquals(1, Rig.reports("密钥锁定").single().photosHeld)
    }

    @Test
    fun `c28 a thousand calls leave nothing behind`() {
        val field = Field()
        val handset = field.enrol()
        repeat(20) { handset.file("第${it}条", field.here) }
        val quiet = object : ChangeListener {
            override fun onChange(changes: ScreenChanges) = Unit
        }
        var wrong = 0
        val round = {
            handset.today()
            handset.queue()
            handset.tasks()
            handset.whereIs(field.here.point, 800u)
            handset.newReport().use { it.text("不保存") }
            CancelToken().use { }
            handset.observe(quiet).use { it.end() }
            if (runCatching { handset.row(EntryKey("01a22756-232e-7bf4-976a-44b082239d4d")) }.isSuccess) wrong++
        }
        val handles = {
            listOf(FfiConverterTypeChangeListener.handleMap.size, FfiConverterTypeSyncListener.handleMap.size)
        }
        repeat(300) { round() }
        val clocks = FfiConverterTypeClocks.handleMap.size
        val (files, threads) = File("/proc/self/fd").list()!!.size to NativeThreads.count("xunge-")
        val memory = residentBytes()
        repeat(1000) { round() }
        val grown = residentBytes() - memory
        assertEquals(0, wrong)
        assertEquals(listOf(0, 0), handles())
        assertTrue(FfiConverterTypeClocks.handleMap.size <= clocks)
        assertTrue(File("/proc/self/fd").list()!!.size <= files + 2, "descriptors")
        assertTrue(NativeThreads.count("xunge-") <= threads, "threads")
        // 8,000 calls; a leak of 4 kB in each would be 32 MB.
        assertTrue(grown < 16_000_000, "grew by $grown bytes")

        // A sync's listener is released with the sync.
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(listOf(0, 0), handles())
    }

    /** After the collector ran, so that Java's garbage is not taken for the core's. */
    private fun residentBytes(): Long {
        System.gc()
        val line = File("/proc/self/status").readLines().first { it.startsWith("VmRSS") }
        return line.filter { it.isDigit() }.toLong() * 1024
    }

    @Test
    fun `c33 an id that the core cannot read fails that call alone`() {
        val field = Field()
        val handset = field.enrol()
        val id = handset.file("读不懂的编号", field.here)
        assertThrows<InternalException> { handset.item(EntryKey("no id")) }
        assertThrows<InternalException> { handset.month(YearAndMonth("2026-13")) }
        assertFails("data.malformed") { handset.history("no cursor", 1u) }
        assertEquals(listOf(id), handset.queue().map { it.id })
        assertTrue(handset.syncNow().isSuccess)
    }
    /**
     * No argument that an app can pass makes the core panic, and the library holds no code for tests. A buffer that is longer
     * than its memory does: `uniffi_core` asserts its length (`RustBuffer::destroy_into_vec`) while it reads the argument,
     * inside the same guard in which every call of the core runs. Generated code never makes such a buffer.
     */
    @Test
    fun `c34 a panic inside the library becomes an error of that call alone`() {
        val field = Field()
        val handset = field.enrol()
        val id = handset.file("里面出错", field.here, Field.PHOTOS.take(1))
        val before = handset.queue()
        Log.records.clear()
        repeat(3) {
            val panic = assertThrows<InternalException> { handset.withBrokenBuffer() }
            assertEquals("null RustBuffer had non-zero length", panic.message)
        }
        assertEquals(List(3) { "core.panic" }, Log.records.map { it.code }.filter { it == "core.panic" })
        assertEquals(before, handset.queue())
        handset.checkIn(field.here, "")
        assertTrue(handset.syncNow().isSuccess)
        assertEquals(ItemState.RECEIVED, handset.row(id).state)
        handset.end()
        assertEquals(2, field.core.openCurrent().queue().size)
    }

    /** `Handset.item` as the generated code calls it, with an id in a buffer that cannot be. */
    private fun Handset.withBrokenBuffer() {
        val broken = RustBuffer.ByValue().apply { len = 12 }
        val status = UniffiRustCallStatus()
        callWithHandle { UniffiLib.uniffi_xunge_core_fn_method_handset_item(it, broken, status) }
        assertTrue(status.isPanic(), "code ${status.code}")
        throw InternalException(FfiConverterString.lift(status.error_buf))
    }
}
