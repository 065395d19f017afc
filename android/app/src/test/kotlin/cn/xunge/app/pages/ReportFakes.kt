package cn.xunge.app.pages

import android.content.Context
import android.graphics.SurfaceTexture
import android.os.Looper
import cn.xunge.app.kit.Place
import cn.xunge.app.platform.Camera
import cn.xunge.app.platform.CameraFault
import cn.xunge.app.platform.Flash
import cn.xunge.app.platform.Frame
import cn.xunge.app.platform.Optics
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Route
import cn.xunge.app.shell.Session
import cn.xunge.app.shell.lang
import cn.xunge.core.CancelToken
import cn.xunge.core.CellCode
import cn.xunge.core.CellNearby
import cn.xunge.core.DraftCell
import cn.xunge.core.DraftPhoto
import cn.xunge.core.EntryId
import cn.xunge.core.GridOnMap
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Item
import cn.xunge.core.ItemContent
import cn.xunge.core.Lang
import cn.xunge.core.Matter
import cn.xunge.core.MatterCode
import cn.xunge.core.NoHandle
import cn.xunge.core.PhotoOrigin
import cn.xunge.core.PhotoRole
import cn.xunge.core.PointE7
import cn.xunge.core.Position
import cn.xunge.core.QueueRow
import cn.xunge.core.ReportContent
import cn.xunge.core.ReportDraft
import cn.xunge.core.Street
import cn.xunge.core.Submitted
import cn.xunge.core.UsedFix
import cn.xunge.core.Withdrawal
import cn.xunge.core.XungeException
import cn.xunge.ids.EntryKey
import cn.xunge.ids.PhotoHash
import cn.xunge.ids.RecordKey
import java.io.File
import java.lang.reflect.Proxy
import java.util.Collections
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.locks.LockSupport
import org.robolectric.Shadows.shadowOf

/** A camera that hands out photos of a folder, one after the other. */
class FakeCamera(private val photos: List<File> = ReportSamples.files, var fault: CameraFault? = null) : Camera {
    private val taken = AtomicInteger()
    var isOpen = false

    override var onFault: ((CameraFault) -> Unit)? = null

    /** Gets the frames that a test lets it see. */
    @Volatile
    var look: ((Frame) -> Unit)? = null
    var isLit = false

    override suspend fun open(look: ((Frame) -> Unit)?): Optics {
        fault?.let { throw it }
        isOpen = true
        this.look = look
        return Optics(1280, 960, hasFlash = true)
    }

    override fun preview(surface: SurfaceTexture?) = Unit

    override suspend fun take(file: File, flash: Flash) {
        fault?.let { throw it }
        photos[taken.getAndIncrement() % photos.size].copyTo(file, overwrite = true)
    }

    override fun light(on: Boolean) {
        isLit = on
    }

    override fun close() {
        isOpen = false
    }
}

/** A host that remembers where its page wanted to go. */
class RememberingHost(override val context: Context) : Host {
    val went: MutableList<String> = Collections.synchronizedList(ArrayList())

    override val session: Session get() = error("this page got its presenter")
    override val lang: Lang get() = context.lang()

    override fun go(route: Route) {
        went.add("go ${route.text()}")
    }

    override fun replace(route: Route) {
        went.add("replace ${route.text()}")
    }

    override fun back() {
        went.add("back")
    }

    override fun switch(place: Place) {
        went.add("switch $place")
    }

    override fun permit(permissions: List<String>, answer: (Boolean) -> Unit) = answer(false)

    override fun choosePictures(page: String, answer: (List<File>) -> Unit) = Unit

    override fun createFile(name: String, answer: (android.net.Uri?) -> Unit) = false
}

/** What a draft holds in the fake store. */
data class StoredDraft(val content: ReportContent, val position: Position?, val photos: List<DraftPhoto>, val cell: CellCode? = null)

/** The part of the core that reports use, in memory. Everything else fails. */
class FakeReports : HandsetInterface by nothing {
    val saved: MutableMap<EntryKey, StoredDraft> = Collections.synchronizedMap(LinkedHashMap())
    val filed: MutableList<StoredDraft> = Collections.synchronizedList(ArrayList())
    private val numbers = AtomicInteger()

    /** What the next photo or submission is refused with. */
    @Volatile
    var refuses: XungeException? = null

    override fun newReport(): ReportDraft =
        FakeDraft(this, EntryKey("draft-${numbers.incrementAndGet()}"), StoredDraft(ReportContent(null, "", "", null, false), null, emptyList()))

    override fun reportDraft(id: EntryId): ReportDraft = FakeDraft(this, id, saved[id] ?: throw refusal("item.unknown"))

    override fun withdraw(id: EntryId, reason: String): Withdrawal = Withdrawal.DraftDiscarded.also { saved.remove(id) }

    /** What the queue says of the item. */
    @Volatile
    var row: QueueRow? = null

    override fun item(id: EntryId) = Item(row!!, ItemContent.Unknown, null, emptyList(), null, null, emptyList())

    override fun thumbnail(photo: PhotoHash): ByteArray = ByteArray(0)

    override fun searchTypes(text: String): List<Matter> = ReportSamples.matters.filter { text in it.zh || text == it.code.text }

    override fun lastFix(): UsedFix? = null

    override fun today() = Scene.today

    override fun streets(): List<Street> = emptyList()

    override fun cellsNear(point: PointE7, limit: UInt) = listOf("17" to 0.0, "13" to 9.0).map { (serial, metres) -> CellNearby(ReportSamples.cell(serial), metres) }

    @Volatile
    var grid: GridOnMap? = null

    override fun mapArea(corner: PointE7, opposite: PointE7): GridOnMap? = grid

    override fun judgeFix(fix: Position) = WorkScene.good

    override fun whereIs(point: PointE7, accuracyCm: UInt?): cn.xunge.core.Place = ReportSamples.inCell

    companion object {
        private val nothing = Proxy.newProxyInstance(HandsetInterface::class.java.classLoader, arrayOf(HandsetInterface::class.java)) { _, method, _ ->
            error("${method.name} is not faked")
        } as HandsetInterface

        fun refusal(code: String) = XungeException.Failed(ReportSamples.why(code, "不行", "no"), emptyMap())
    }
}

private class FakeDraft(private val home: FakeReports, private val key: EntryKey, private var now: StoredDraft) : ReportDraft(NoHandle) {
    private fun content(change: ReportContent.() -> ReportContent) {
        now = now.copy(content = now.content.change())
    }

    override fun id(): EntryId = key

    override fun content(): ReportContent = now.content

    override fun position(): Position? = now.position

    override fun photos(): List<DraftPhoto> = now.photos

    override fun at(position: Position) {
        now = now.copy(position = position)
    }

    override fun refine(fix: Position): Boolean = (now.position == null).also { if (it) at(fix) }

    override fun fix() = now.position?.let { WorkScene.good }

    override fun text(text: String) = content { copy(text = text) }

    override fun address(address: String) = content { copy(address = address) }

    override fun selfHandled(selfHandled: Boolean) = content { copy(selfHandled = selfHandled) }

    override fun matter(code: MatterCode) = content { copy(matter = code) }

    override fun place(place: Position) = content { copy(place = place) }

    override fun cell(cell: CellCode?) {
        now = now.copy(cell = cell)
    }

    override fun cellName(): DraftCell? = null

    override fun located(): cn.xunge.core.Place? = (now.content.place ?: now.position)?.let { ReportSamples.inCell }

    override fun addPhoto(path: String, origin: PhotoOrigin, cancel: CancelToken) {
        home.refuses?.let { throw it }
        val bytes = File(path).readBytes()
        now = now.copy(photos = now.photos + DraftPhoto(PhotoHash("${bytes.contentHashCode()}"), PhotoRole.Scene, bytes.size.toULong(), 1u, 1u))
        save()
    }

    override fun photoShows(photo: PhotoHash, shows: PhotoRole) {
        now = now.copy(photos = now.photos.map { if (it.sha256 == photo) it.copy(shows = shows) else it })
        save()
    }

    override fun removePhoto(photo: PhotoHash) {
        now = now.copy(photos = now.photos.filter { it.sha256 != photo })
        save()
    }

    override fun save() {
        home.saved[key] = now
    }

    override fun submit(): Submitted {
        home.refuses?.let { throw it }
        home.filed.add(now)
        home.saved.remove(key)
        return Submitted(key, RecordKey("record"), now.photos.size.toUInt(), false)
    }
}

/** Lets the screen's thread work until the condition holds; fails after 30 seconds. */
fun eventually(what: String, condition: () -> Boolean) {
    val deadline = System.nanoTime() + 30_000_000_000
    while (true) {
        shadowOf(Looper.getMainLooper()).idle()
        if (condition()) return
        check(System.nanoTime() < deadline) { what }
        LockSupport.parkNanos(5_000_000)
    }
}
