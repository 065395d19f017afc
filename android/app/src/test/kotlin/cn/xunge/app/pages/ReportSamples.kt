package cn.xunge.app.pages

import cn.xunge.core.Cell
import cn.xunge.core.DraftCell
import cn.xunge.core.ItemKind
import cn.xunge.core.ItemState
import cn.xunge.core.Matter
import cn.xunge.core.Place
import cn.xunge.core.PointE7
import cn.xunge.core.Position
import cn.xunge.core.ProblemClass
import cn.xunge.core.QueueRow
import cn.xunge.core.ReportContent
import cn.xunge.core.Why
import cn.xunge.core.Words
import cn.xunge.ids.CellNumber
import cn.xunge.ids.EntryKey
import cn.xunge.ids.MatterNumber
import cn.xunge.ids.Moment
import cn.xunge.ids.PhotoHash
import cn.xunge.ids.RecordKey
import java.io.File

/** The report of the visual target: a broken pavement in the street 同光路. */
internal object ReportSamples {
    val files: List<File> = listOf("gravel", "brick", "path").map { File("../../tests/photos/$it.jpg") }
    val now = Moment(1_790_130_248_000)
    val draft = EntryKey("01a22756-232e-7bf4-976a-44b082239d4d")
    val fix = Position(PointE7(438_700_000, 1_253_200_000), 600u, "gps", false, now)

    fun cell(serial: String, community: String = "同光路东社区") =
        Cell("02-03-$serial 桂林街道 $community", CellNumber("2201040203$serial"), "桂林街道", community)

    val inCell = Place.In("2026-08", cell("17"), emptyList(), 0.0)
    val here = Here(inCell, fix, null)
    val place = ReportPlace(DraftCell(isChosen = false, cell("17")), inCell, 600u)

    val matters = listOf(
        "C0101" to "道路破损", "E0102" to "暴露垃圾", "C0108" to "污水井盖", "E0301" to "店外经营", "E0310" to "机动车乱停放", "E0201" to "非法小广告",
    ).zip(listOf("Damaged road", "Exposed waste", "Sewer cover", "Trading outside the shop", "Badly parked cars", "Illegal small advertisements"))
        .map { (zh, en) -> Matter(MatterNumber(zh.first), zh.second, en) }

    fun pictures(number: Int) = files.take(number).mapIndexed { at, file -> DraftShot(PhotoHash("$at"), Picture(PhotoHash("$at"), file.readBytes())) }

    val content = ReportContent(matters[0].code, "", "", null, false)

    fun why(code: String, zh: String, en: String) = Why(code, ProblemClass.DEVICE, Words(zh, en))

    val full = why(
        "photo.disk_full", "本机存储空间不足，照片未保存；请清理空间后重试，已保存的内容不受影响",
        "no storage space left, so the photo was not saved; free some space and try again; saved items are safe",
    )

    fun row(state: ItemState, zh: String, en: String, number: String?) = QueueRow(
        id = draft, record = RecordKey("r"), n = 1u, number = number, isFinished = false, isWithdrawable = true, summary = Words("道路破损", "Damaged road"),
        stateWords = Words(zh, en), stateLine = Words(zh, en), kindWords = Words("上报", "Report"), state = state, reason = null,
        kind = ItemKind.Report, problem = null, made = now, photosSent = 1u, photosNamed = 2u, cover = null, nextTry = null, caseState = null, review = null,
    )
}
