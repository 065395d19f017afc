package cn.xunge.app.pages

import android.content.Context
import cn.xunge.app.kit.Place
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Route
import cn.xunge.app.shell.Session
import cn.xunge.core.Contact
import cn.xunge.core.DataUse
import cn.xunge.core.ItemKind
import cn.xunge.core.ItemState
import cn.xunge.core.Lang
import cn.xunge.core.NetworkSettings
import cn.xunge.core.ProblemClass
import cn.xunge.core.QueueRow
import cn.xunge.core.Today
import cn.xunge.core.Why
import cn.xunge.core.Words
import cn.xunge.ids.EntryKey
import cn.xunge.ids.Moment
import cn.xunge.ids.RecordKey
import java.io.File
import java.time.LocalDate
import java.time.LocalTime
import java.time.ZoneId

/** The host of a page that is only drawn: it has no session, and goes nowhere. */
class MineHost(override val context: Context) : Host {
    override val session: Session get() = error("a page that is drawn reads nothing")
    override val lang: Lang get() = if (context.resources.configuration.locales[0].language == "en") Lang.EN else Lang.ZH

    override fun go(route: Route) = Unit

    override fun replace(route: Route) = Unit

    override fun back() = Unit

    override fun switch(place: Place) = Unit

    override fun permit(permissions: List<String>, answer: (Boolean) -> Unit) = Unit

    override fun choosePictures(page: String, answer: (List<File>) -> Unit) = Unit

    override fun createFile(name: String, answer: (android.net.Uri?) -> Unit) = false
}

/** The scene of the visual target: Wednesday 2026-09-23, 10:24, early shift. */
internal object Scene {
    private val zone = ZoneId.of("Asia/Shanghai")

    fun at(hour: Int, minute: Int, second: Int = 0, day: Int = 23): Moment =
        Moment(LocalDate.of(2026, 9, day).atTime(LocalTime.of(hour, minute, second)).atZone(zone).toInstant().toEpochMilli())

    val now = at(10, 24)

    fun why(code: String, kind: ProblemClass, zh: String, en: String) = Why(code, kind, Words(zh, en))

    val today = Today(
        now = now,
        isTimeTrusted = true,
        holder = "刘海波",
        isSportsManager = false,
        contact = Contact("朝阳区信息中心", "0431-8866 0000"),
        server = "https://jm.chaoyang.example:8443",
        post = "桂林街道 2 岗",
        postNumber = "220104-02",
        isOnDuty = true,
        onDutySince = at(7, 2),
        lastShiftBegan = null,
        isPresenceConfirmed = true,
        drafts = 0u,
        itemsWaiting = 2u,
        photosWaiting = 5u,
        returned = 0u,
        tasksOpen = 3u,
        tasksOverdue = 0u,
        grid = "2026-08",
        lastSync = at(10, 23),
        lastContact = at(10, 23),
    )

    val data = DataUse(
        words = Words("本月计费流量 1228.8 MB / 3000.0 MB，还剩 1771.2 MB", "1228.8 MB of 3000.0 MB used on metered networks this month; 1771.2 MB left"),
        isUsedUp = false,
        month = "2026-09",
        metered = 1_228_800_000UL,
        budget = 3_000_000_000UL,
    )

    val rules = NetworkSettings(sync = true, wifiOnlyPhotos = true, wifiOnlyFiles = true, wifiOnlyAll = false, roaming = false, budgetMb = 3000u, pollMinutes = 60u)

    private var rows = 0

    fun row(
        state: ItemState,
        zh: String,
        en: String,
        stateZh: String,
        stateEn: String,
        kind: ItemKind = ItemKind.Report,
        made: Moment = at(9, 20),
        number: String? = null,
        sent: Int = 0,
        named: Int = 0,
        reason: Why? = null,
        problem: Why? = null,
        case: String? = null,
    ): QueueRow {
        val n = ++rows
        return QueueRow(
            id = EntryKey("entry-$n-$zh"),
            record = RecordKey("record-$n"),
            n = n.toULong(),
            number = number,
            isFinished = state == ItemState.RECEIVED,
            isWithdrawable = case != "closed" && state !in setOf(ItemState.REVISED, ItemState.WITHDRAWING, ItemState.WITHDRAWN, ItemState.CANCELLED),
            summary = Words(zh, en),
            stateWords = Words(stateZh, stateEn),
            stateLine = Words(stateZh, stateEn),
            kindWords = if (kind == ItemKind.CheckIn) Words("签到", "Check-in") else Words("上报", "Report"),
            state = state,
            reason = reason,
            kind = kind,
            problem = problem,
            made = made,
            photosSent = sent.toUInt(),
            photosNamed = named.toUInt(),
            cover = null,
            nextTry = null,
            caseState = case,
            review = null,
        )
    }

    private val missing = why("photo.missing", ProblemClass.REFUSED, "没有收到照片 2", "photo 2 was not received")
    private val busy = why("server.busy", ProblemClass.RETRY_LATER, "服务器忙", "the server is busy")

    val returned = row(ItemState.RETURNED, "擅自饲养家禽家畜", "Poultry kept without permission", "被退回：没有收到照片 2", "Returned: photo 2 was not received", number = "260923-5BD2W9K0ZR", named = 2, sent = 1, reason = missing)
    val draft = row(ItemState.DRAFT, "架空线缆损坏", "Overhead cable damaged", "草稿", "Draft", made = at(8, 41), named = 3)
    val sending = row(ItemState.QUEUED, "道路破损", "Damaged road surface", "待上传", "Waiting to send", made = at(10, 21), named = 2)

    val filed = listOf(
        sending,
        row(ItemState.PHOTOS_PENDING, "绿地脏乱", "Untidy green space", "已收到，照片 1/3", "Received, photos 1 of 3", made = at(10, 2), number = "260923-K7P0D3VXN5", sent = 1, named = 3),
        row(ItemState.LATER, "非装饰性树挂", "Objects hung on trees", "稍后重试，10:31", "Will retry at 10:31", made = at(9, 58), problem = busy),
        row(ItemState.QUEUED, "水域不洁", "Dirty water", "待上传", "Waiting to send", made = at(9, 51), named = 1),
        row(ItemState.REVIEW, "核查，已整改，护树设施", "Check, rectified, tree guard", "转人工核对：案卷已改派，由中心决定", "In review: the case was reassigned, the centre decides", ItemKind.Answer, at(9, 33)),
        row(ItemState.HELD, "补充说明", "A further note", "已收到，暂存", "Received, held", made = at(9, 30)),
        row(ItemState.RECEIVED, "积存垃圾渣土", "Heaped rubbish and spoil", "已收到", "Received", made = at(8, 56), number = "260923-0Q9XB6T4HM", case = "reported"),
        row(ItemState.RECEIVED, "道路破损", "Damaged road surface", "已收到，结案", "Received, closed", made = at(8, 40), number = "260923-7M2NA1C8XQ", case = "closed"),
        row(ItemState.REVISED, "店外经营", "Trading outside the shop", "被退回，已修改", "Returned, revised", made = at(8, 12), number = "260923-2W6RK4D9PT"),
        row(ItemState.WITHDRAWING, "暴露垃圾", "Exposed rubbish", "已申请撤回，等中心答复", "Withdrawal asked for, the centre decides", made = at(7, 49), number = "260923-9H3TC5B7YM"),
        row(ItemState.CANCELLED, "机动车乱停放", "Cars parked badly", "已取消，未发出", "Cancelled, never sent", made = at(7, 30)),
        row(ItemState.RECEIVED, "", "", "已收到", "Received", ItemKind.CheckIn, at(7, 2)),
    )

    /** A report that was not filed, which its author has not read yet. */
    val declined = row(
        ItemState.RECEIVED, "树枝过长", "Overgrown branches", "已收到，不立案：不属于城市管理事项", "Received, not filed: not a matter of the city", made = at(8, 30),
        number = "260923-6T8QW2E5YB", reason = why("case.not_filed", ProblemClass.SETTLED, "不属于城市管理事项", "not a matter of the city"), case = "not_filed",
    ).copy(awaitsReading = true)

    /** A report whose withdrawal the centre applied. */
    val withdrawn = row(ItemState.WITHDRAWN, "暴露垃圾", "Exposed rubbish", "已撤回", "Withdrawn", made = at(7, 50), number = "260923-1P7KD9S3LM", case = "withdrawn")

    /** As many rows as one asks for. */
    fun many(number: Int) = (1..number).map {
        row(ItemState.RECEIVED, "道路破损，同光路 $it 号", "Damaged road surface, $it Tongguang Road", "已收到", "Received", made = at(6, it % 60, day = 22), number = "260922-${1_000_000_000 + it}")
    }
}
