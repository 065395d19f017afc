package cn.xunge.app.pages

import cn.xunge.core.Answer
import cn.xunge.core.AnswerContent
import cn.xunge.core.AnswerDraft
import cn.xunge.core.CancelToken
import cn.xunge.core.ComparePhoto
import cn.xunge.core.DraftPhoto
import cn.xunge.core.FieldTask
import cn.xunge.core.Handset
import cn.xunge.core.Item
import cn.xunge.core.NoHandle
import cn.xunge.core.PhotoOrigin
import cn.xunge.core.Place
import cn.xunge.core.PointE7
import cn.xunge.core.Position
import cn.xunge.core.Submitted
import cn.xunge.core.SyncListener
import cn.xunge.core.SyncProgress
import cn.xunge.core.SyncReport
import cn.xunge.core.SyncTrigger
import cn.xunge.core.TaskDistance
import cn.xunge.core.Today
import cn.xunge.core.UsedFix
import cn.xunge.core.Words
import cn.xunge.core.XungeException
import cn.xunge.ids.EntryKey
import cn.xunge.ids.PhotoHash
import cn.xunge.ids.RecordKey
import cn.xunge.ids.TaskKey

/** A refusal of the core. */
internal fun refusal(code: String) = XungeException.Failed(WorkScene.why(code, code, code), emptyMap())

/** A handset without a core: answers what a test says, and remembers what it was asked. */
internal open class TaskHandset(var tasks: List<FieldTask> = emptyList()) : Handset(NoHandle) {
    val seen = ArrayList<TaskKey>()
    val drafts = HashMap<TaskKey, FakeAnswer>()
    var syncs: () -> Unit = {}
    var progress: List<SyncProgress> = emptyList()

    override fun today() = Today(
        WorkScene.now, true, "刘海波", false, null, "https://xunge.chaoyang.example", "桂林路街道 2 岗", "2207", true, WorkScene.at("2026-09-23T07:02:00"), null, true,
        0u, 0u, 0u, 0u, tasks.size.toUInt(), 0u, null, null, null,
    )

    override fun tasks() = tasks

    override fun markSeen(tasks: List<TaskKey>) {
        seen += tasks
        this.tasks = this.tasks.map { if (it.id in tasks) it.copy(isSeen = true) else it }
    }

    override fun distanceTo(task: TaskKey, here: PointE7): TaskDistance = WorkScene.distance

    override fun comparePhoto(task: TaskKey): ComparePhoto = ComparePhoto.Absent

    override fun lastFix(): UsedFix? = null

    override fun judgeFix(fix: Position) = WorkScene.good

    override fun whereIs(point: PointE7, accuracyCm: UInt?): Place = Place.NoGrid

    override fun item(id: EntryKey): Item = throw refusal("item.unknown")

    override fun answer(task: TaskKey, answer: Answer): AnswerDraft {
        if (tasks.single { it.id == task }.answered != null) throw refusal("task.answered_already")
        return drafts[task] ?: FakeAnswer(answer) { drafts[task] = it }
    }

    override fun sync(askedBy: SyncTrigger, cancel: CancelToken, listener: SyncListener): SyncReport {
        progress.forEach(listener::onProgress)
        syncs()
        return SyncReport(true, emptyList(), 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, null, null, null)
    }

    override fun thumbnail(photo: PhotoHash) = byteArrayOf(1)
}

/** A draft of an answer; [keep] is called with each save. */
internal class FakeAnswer(private val answer: Answer, private val keep: (FakeAnswer) -> Unit) : AnswerDraft(NoHandle) {
    private var text = ""
    val saved = ArrayList<String>()
    val positions = ArrayList<Position>()
    private val photos = ArrayList<DraftPhoto>()
    var refuses: String? = null

    override fun id() = EntryKey("d1")

    override fun content() = AnswerContent(answer, text)

    override fun text(text: String) {
        this.text = text
    }

    override fun at(position: Position) {
        positions += position
    }

    override fun photos(): List<DraftPhoto> = photos.toList()

    override fun addPhoto(path: String, origin: PhotoOrigin, cancel: CancelToken) {
        refuses?.let { throw refusal(it) }
        photos += DraftPhoto(PhotoHash("p${photos.size}"), cn.xunge.core.PhotoRole.After, 1u, 1u, 1u)
    }

    /** Photos that are asked for. */
    var asked = 1

    override fun fewerPhotos() = Words("$asked", "$asked").takeIf { photos.size < asked }

    override fun save() {
        saved += text
        keep(this)
    }

    override fun submit(): Submitted {
        refuses?.let { throw refusal(it) }
        return Submitted(EntryKey("i1"), RecordKey("r1"), photos.size.toUInt(), false)
    }
}
