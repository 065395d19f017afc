package cn.xunge.app.pages

import android.graphics.Bitmap
import android.graphics.drawable.BitmapDrawable
import cn.xunge.app.KitPages
import cn.xunge.core.Cell
import cn.xunge.core.FieldTask
import cn.xunge.core.Fix
import cn.xunge.core.PlaceDoubt
import cn.xunge.core.PointE7
import cn.xunge.core.Position
import cn.xunge.core.ProblemClass
import cn.xunge.core.TaskDistance
import cn.xunge.core.TaskPurpose
import cn.xunge.core.Why
import cn.xunge.core.Words
import cn.xunge.ids.CellNumber
import cn.xunge.ids.EntryKey
import cn.xunge.ids.Moment
import cn.xunge.ids.PhotoHash
import cn.xunge.ids.TaskKey
import org.robolectric.RuntimeEnvironment
import java.io.ByteArrayOutputStream
import java.time.LocalDateTime

/** The scene of the visual target: Wednesday 2026-09-23, 10:24, 桂林路街道. Persons and numbers are invented. */
internal object WorkScene {
    val now = at("2026-09-23T10:24:00")

    fun at(civil: String) = Moment(LocalDateTime.parse(civil).atZone(CIVIL).toInstant().toEpochMilli())

    val cell = Cell("22010402-03-17 桂林路街道 同光路东社区", CellNumber("220104020317"), "桂林路街道", "同光路东社区")
    val point = PointE7(438_700_000, 1_253_300_000)
    val fix = Position(point, 800u, "gps", false, now)
    val good = Fix(Words("卫星定位 · ±8 米 · 2 秒前", "satellites · ±8 m · 2 s ago"), 2_000, false, emptyList())
    /** A fix that the centre will doubt. */
    val bad = Fix(
        Words("网络定位 · ±120 米 · 45 分前", "network · ±120 m · 45 min ago"), 2_700_000, false,
        listOf(
            PlaceDoubt("imprecise", Words("定位误差约 120 米，请到空旷处重新定位", "the position may be off by 120 m; go to an open place and locate again"), Words("定位误差约 120 米", "the position may be off by 120 m")),
            PlaceDoubt("stale_fix", Words("定位是 45 分前的，请重新定位", "the position is 45 min old; locate again"), Words("定位是 45 分前的", "the position is 45 min old")),
        ),
    )
    val here = Here(cn.xunge.core.Place.In("2026-1", cell, emptyList(), 0.0), fix, null)

    fun task(
        id: String,
        purpose: TaskPurpose,
        wording: String,
        due: Moment,
        dueWords: Words,
        address: String,
        photo: String? = null,
        answered: String? = null,
        seen: Boolean = true,
    ) = FieldTask(
        TaskKey(id), dueWords, purpose, wording, cell.code, cell, point, address, due, photo?.let(::PhotoHash), answered?.let(::EntryKey), seen,
    )

    val late = task(
        "t1", TaskPurpose.Verify, "道路积水", at("2026-09-23T10:16:00"), Words("已超时 8 分", "Overdue by 8 min"), "湖光路 21 号", photo = "a",
    )
    val soon = task(
        "t2", TaskPurpose.Check, "道路破损：人行道地砖缺失", at("2026-09-23T10:33:00"), Words("剩余 9 分", "9 min left"), "同光路 118 号", photo = "b",
    )
    val calm = task(
        "t3", TaskPurpose.Check, "暴露垃圾", at("2026-09-23T12:10:00"), Words("剩余 1 小时 46 分", "1 h 46 min left"), "桂林路 56 号",
    )
    val fresh = task(
        "t4", TaskPurpose.Inspect, "树穴护板", at("2026-09-23T11:24:00"), Words("剩余 1 小时", "1 h left"), "桂林路 56 号", photo = "c", seen = false,
    )
    val distance = TaskDistance(Words("西北 240 米", "240 m northwest"), 240.0, 315.0)

    /** A photo of a draft, as the core keeps its thumbnail. */
    fun shot(seed: Int): DraftShot {
        val drawn = KitPages.photo(RuntimeEnvironment.getApplication(), seed) as BitmapDrawable
        val jpeg = ByteArrayOutputStream().also { drawn.bitmap.compress(Bitmap.CompressFormat.JPEG, 90, it) }.toByteArray()
        return PhotoHash("s$seed").let { DraftShot(it, Picture(it, jpeg)) }
    }

    fun why(code: String, zh: String, en: String, kind: ProblemClass = ProblemClass.INPUT) = Why(code, kind, Words(zh, en))
}
