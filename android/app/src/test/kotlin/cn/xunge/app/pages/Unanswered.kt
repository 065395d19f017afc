package cn.xunge.app.pages

import cn.xunge.core.ActivityRecordDraft
import cn.xunge.core.Answer
import cn.xunge.core.AnswerDraft
import cn.xunge.core.CancelToken
import cn.xunge.core.Cell
import cn.xunge.core.CellNearby
import cn.xunge.core.ChangeListener
import cn.xunge.core.Community
import cn.xunge.core.ComparePhoto
import cn.xunge.core.DataUse
import cn.xunge.core.Device
import cn.xunge.core.ExportListener
import cn.xunge.core.Exported
import cn.xunge.core.FieldTask
import cn.xunge.core.Handset
import cn.xunge.core.HandsetInterface
import cn.xunge.core.HistoryRow
import cn.xunge.core.Item
import cn.xunge.core.Matter
import cn.xunge.core.Month
import cn.xunge.core.NetworkSettings
import cn.xunge.core.NudgeReason
import cn.xunge.core.Observing
import cn.xunge.core.PhoneInterface
import cn.xunge.core.PhoneUser
import cn.xunge.core.Place
import cn.xunge.core.PointE7
import cn.xunge.core.Position
import cn.xunge.core.QueueFilter
import cn.xunge.core.QueueRow
import cn.xunge.core.ReportDraft
import cn.xunge.core.StorageUse
import cn.xunge.core.Street
import cn.xunge.core.SyncListener
import cn.xunge.core.SyncReport
import cn.xunge.core.SyncTrigger
import cn.xunge.core.TaskDistance
import cn.xunge.core.Today
import cn.xunge.core.UsedFix
import cn.xunge.core.WatchListener
import cn.xunge.core.Withdrawal
import cn.xunge.ids.CommunityNumber
import cn.xunge.ids.EntryKey
import cn.xunge.ids.Moment
import cn.xunge.ids.PhotoHash
import cn.xunge.ids.RecordKey
import cn.xunge.ids.StreetNumber
import cn.xunge.ids.TaskKey
import cn.xunge.ids.YearAndMonth

// By hand and not by java.lang.reflect.Proxy, whose classes Robolectric's loader cannot link.

private fun none(): Nothing = error("the test gave no answer")

/** A handset that fails every call; a test overrides those that it expects. */
internal open class NoHandset : HandsetInterface {
    override fun activityDraft(id: EntryKey): ActivityRecordDraft = none()

    override fun newActivity(): ActivityRecordDraft = none()

    override fun newReport(): ReportDraft = none()

    override fun reportDraft(id: EntryKey): ReportDraft = none()

    override fun reviseActivity(record: RecordKey): ActivityRecordDraft = none()

    override fun reviseReport(id: EntryKey): ReportDraft = none()

    override fun searchTypes(text: String): List<Matter> = none()

    override fun end(): Unit = none()

    override fun nextDue(): Moment? = none()

    override fun nudge(reason: NudgeReason): Unit = none()

    override fun observe(listener: ChangeListener): Observing = none()

    override fun history(after: String?, limit: UInt): List<HistoryRow> = none()

    override fun month(month: YearAndMonth): Month = none()

    override fun months(number: UShort): List<Month> = none()

    override fun cellsNear(point: PointE7, limit: UInt): List<CellNearby> = none()

    override fun cellsOf(community: CommunityNumber): List<Cell> = none()

    override fun communities(street: StreetNumber): List<Community> = none()

    override fun lastFix(): UsedFix? = none()

    override fun streets(): List<Street> = none()

    override fun whereIs(point: PointE7, accuracyCm: UInt?): Place = none()

    override fun drafts(): List<QueueRow> = none()

    override fun item(id: EntryKey): Item = none()

    override fun needsYouElsewhere(): List<QueueRow> = none()

    override fun photo(photo: PhotoHash): ByteArray = none()

    override fun queuePage(filter: QueueFilter, after: ULong?, limit: UInt): List<QueueRow> = none()

    override fun thumbnail(photo: PhotoHash): ByteArray = none()

    override fun withdraw(id: EntryKey, reason: String): Withdrawal = none()

    override fun dataUse(): DataUse = none()

    override fun networkSettings(): NetworkSettings = none()

    override fun setNetworkSettings(settings: NetworkSettings): Unit = none()

    override fun storage(): StorageUse = none()

    override fun exportParcels(file: String, cancel: CancelToken, listener: ExportListener): Exported = none()

    override fun sync(askedBy: SyncTrigger, cancel: CancelToken, listener: SyncListener): SyncReport = none()

    override fun answer(task: TaskKey, answer: Answer): AnswerDraft = none()

    override fun answerDraft(id: EntryKey): AnswerDraft = none()

    override fun comparePhoto(task: TaskKey): ComparePhoto = none()

    override fun distanceTo(task: TaskKey, here: PointE7): TaskDistance? = none()

    override fun markSeen(tasks: List<TaskKey>): Unit = none()

    override fun tasks(): List<FieldTask> = none()

    override fun checkIn(position: Position?, note: String): EntryKey = none()

    override fun checkOut(position: Position?, note: String): EntryKey = none()

    override fun today(): Today = none()
}

/** A phone that fails every call. */
internal open class NoPhone : PhoneInterface {
    override fun enrol(invitation: String, device: Device, cancel: CancelToken): Handset = none()

    override fun enrolAnother(invitation: String, device: Device, cancel: CancelToken): Handset = none()

    override fun openCurrent(): Handset = none()

    override fun openUser(number: UInt): Handset = none()

    override fun salvage(number: UInt, export: String?): Boolean = none()

    override fun switchTo(number: UInt): Unit = none()

    override fun users(): List<PhoneUser> = none()

    override fun watch(handset: Handset, cancel: CancelToken, listener: WatchListener): Unit = none()
}
