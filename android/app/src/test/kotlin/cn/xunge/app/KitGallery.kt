package cn.xunge.app

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Color
import android.graphics.LinearGradient
import android.graphics.Paint
import android.graphics.Shader
import android.graphics.drawable.BitmapDrawable
import android.graphics.drawable.Drawable
import android.view.View
import cn.xunge.app.kit.AnswerButton
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.CheckRow
import cn.xunge.app.kit.Disc
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Facts
import cn.xunge.app.kit.Field
import cn.xunge.app.kit.Flow
import cn.xunge.app.kit.Ground
import cn.xunge.app.kit.HeadCard
import cn.xunge.app.kit.IconButton
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Line
import cn.xunge.app.kit.LinkCard
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Meter
import cn.xunge.app.kit.MonthCell
import cn.xunge.app.kit.OutlineButton
import cn.xunge.app.kit.Part
import cn.xunge.app.kit.Photo
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.PrimaryButton
import cn.xunge.app.kit.QuietButton
import cn.xunge.app.kit.RadioCard
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Shot
import cn.xunge.app.kit.ShotPlace
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.State
import cn.xunge.app.kit.StateView
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.TypeButton
import cn.xunge.app.kit.heading
import cn.xunge.app.kit.mark
import cn.xunge.app.kit.monthGrid
import cn.xunge.app.kit.tokens
import cn.xunge.app.kit.typeGrid
import org.junit.Test
import org.junit.runner.RunWith

/**
 * The components of the kit, put together as the design's screens are: each picture can be laid beside its target.
 * The words are the design's; the screens of the product have their own galleries.
 */
@RunWith(XungeRunner::class)
class KitGallery {
    @Test
    fun `the pages of the design`() {
        // All are drawn, also when one has a fault.
        val faults = KitPages.ALL.mapNotNull { (name, page) -> runCatching { Gallery.show(name, build = page) }.exceptionOrNull() }
        faults.firstOrNull()?.let { first -> throw first.also { faults.drop(1).forEach(it::addSuppressed) } }
    }

    @Test
    fun `every component in every state`() = Gallery.show("k-components", KitPages.LONG, KitPages::components)
}

/** A ground as the keys' focus shows it; a picture has no focus of its own. */
private class Focused(context: Context) : View(context) {
    init {
        background = Ground(context, context.getColor(R.color.brand), radius = 16f)
        refreshDrawableState()
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) =
        setMeasuredDimension(MeasureSpec.getSize(widthMeasureSpec), tokens.dp(64))

    override fun onCreateDrawableState(extraSpace: Int): IntArray =
        mergeDrawableStates(super.onCreateDrawableState(extraSpace + 1), intArrayOf(android.R.attr.state_focused))
}

internal object KitPages {
    val ALL: Map<String, (Context) -> View> = mapOf(
        "kit-today" to ::today,
        "kit-queue" to ::queue,
        "kit-submit" to ::submit,
        "kit-task" to ::task,
        "kit-type" to ::types,
        "kit-month" to ::month,
        "kit-denied" to ::denied,
        "kit-history" to ::history,
    )

    /** One page of everything, longer than any handset. */
    val LONG = Variant.ALL.map { it.copy(height = if (it.text > 1) 3800 else 2200) }

    fun photo(context: Context, seed: Int, width: Int = 120, height: Int = 90): Drawable {
        val bitmap = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)
        val hue = seed * 67f % 360
        val paint = Paint()
        paint.shader = LinearGradient(0f, 0f, width.toFloat(), height.toFloat(), Color.HSVToColor(floatArrayOf(hue, .3f, .4f)), Color.HSVToColor(floatArrayOf(hue, .4f, .75f)), Shader.TileMode.CLAMP)
        android.graphics.Canvas(bitmap).drawRect(0f, 0f, width.toFloat(), height.toFloat(), paint)
        return BitmapDrawable(context.resources, bitmap)
    }

    fun today(context: Context): View = Screen(context).apply {
        place().show("02-03-17 单元", "桂林街道 · ±8 米 · 刚刚定位", found = true)
        column.add(duty(context))
        val tasks = column.add(RowCard(context))
        tasks.head("等您办 3 项", "先到期的在前")
        tasks.row(RowModel("核查 道路破损", Lead.Photo(photo(context, 1)), State.TASK_DUE.mark(context, "38 分"), "西北 240 米 · 同光路 118 号", chevron = true)) {}
        tasks.row(RowModel("督导核验 树穴护板", Lead.Photo(photo(context, 2)), State.TASK_NEW.mark(context, tail = "，11:24 前"), chevron = true)) {}
        val sum = column.add(LinkCard(context, "今天 11 条，9 条已收到，2 条正在上传") {}).column
        sum.add(Label(context, bold = true)).text = "今天 11 条，9 条已收到"
        sum.add(Meter(context, Part(.82f, Tone.SUCCESS), Part(.18f, Tone.INFO)))
        sum.add(Label(context, Size.CAPTION, R.color.info)).text = "2 条正在上传"
        primary("上报", R.drawable.ic_camera) {}
        navigation(Place.TODAY, 3) {}
    }

    private fun duty(context: Context) = HeadCard(
        context, Disc(context, R.drawable.ic_user_check, Tone.SUCCESS), "在岗", "07:02 签到，早班到 13:00", QuietButton(context, "签退") {},
    )

    fun queue(context: Context): View = Screen(context).apply {
        title("我报的", {}, IconButton(context, R.drawable.ic_refresh, "现在再传一次") {})
        banner.show(Mark(R.drawable.ic_undo, Tone.DANGER, "1 条被退回，等您改"), "去改") {}
        val models = listOf(
            RowModel("擅自饲养家禽家畜", Lead.Photo(photo(context, 3)), State.REFUSED.mark(context, "没有收到照片 2"), "09:20 · 点开补拍", chevron = true),
            RowModel("道路破损", Lead.Photo(photo(context, 4)), State.SENDING.mark(context, tail = " 64%"), progress = Part(.64f, Tone.INFO)),
            RowModel("绿地脏乱", Lead.Photo(photo(context, 5)), State.PHOTOS_PENDING.mark(context, 1, 3), "260923-K7P0D3VXN5"),
            RowModel("非装饰性树挂", Lead.Photo(photo(context, 6)), State.LATER.mark(context, "10:31"), "服务器忙，内容在本机"),
            RowModel("水域不洁", Lead.Photo(photo(context, 7)), State.QUEUED.mark(context), "前面还有 1 条"),
            RowModel("补充说明", Lead.Tile(R.drawable.ic_route), State.HELD.mark(context)),
        )
        list {}.show(models.mapIndexed { at, model -> Line.Thing(at.toLong(), model) })
        navigation(Place.ME, 3) {}
    }

    fun submit(context: Context): View = Screen(context).apply {
        title("道路破损", {}, QuietButton(context, "改类型") {})
        val shots = column.add(Flow(context))
        shots.addView(Shot(context, photo(context, 1), "照片 1") {})
        shots.addView(Shot(context, photo(context, 4), "照片 2") {})
        shots.addView(ShotPlace(context, R.drawable.ic_plus, "再拍一张") {})
        val facts = column.add(RowCard(context))
        facts.row(RowModel("同光路 118 号门前", Lead.Small(R.drawable.ic_pin), sub = "02-03-17 单元 · ±6 米", action = "改")) {}
        facts.row(RowModel("10:24:08", Lead.Small(R.drawable.ic_clock), sub = "已与服务器对时"))
        column.add(Field(context, R.id.test_field, null, "补充说明，可不填", lines = 2))
        column.add(CheckRow(context, "我已当场处理好") {})
        primary("提交", R.drawable.ic_send) {}
    }

    fun task(context: Context): View = Screen(context).apply {
        title("修好了吗", {}, StateView(context, State.TASK_DUE.mark(context, "38 分"), badge = true))
        column.add(Photo(context, photo(context, 4, 720, 480), "处置前：地砖缺失", "处置前 · 09-21 09:12"))
        val card = column.add(RowCard(context))
        card.row(RowModel("道路破损：人行道地砖缺失", sub = "维护所说：已补铺 9 块，清理完毕"))
        card.row(RowModel("西北 240 米", Lead.Small(R.drawable.ic_navigation), sub = "同光路 118 号", action = "带路")) {}
        hint("选一个，接着拍照")
        answers(
            AnswerButton(context, "已整改", R.drawable.ic_check, Tone.SUCCESS) {},
            AnswerButton(context, "未整改", R.drawable.ic_x, Tone.DANGER) {},
        )
    }

    fun types(context: Context): View = Screen(context).apply {
        title("是什么问题", {})
        val shots = column.add(Flow(context))
        shots.addView(Shot(context, photo(context, 1), "照片 1") {})
        shots.addView(ShotPlace(context, R.drawable.ic_camera, "再拍一张") {})
        shots.addView(Label(context, Size.CAPTION, R.color.text_muted).apply { text = "1 张。要多拍几张，点相机" })
        column.add(Field(context, R.id.test_field, null, "搜索，如“井盖”或 jg", icon = R.drawable.ic_search))
        val types = listOf("道路破损" to "刚用过", "暴露垃圾" to "市容环境", "污水井盖" to "公用设施", "店外经营" to "街面秩序", "机动车\u200B乱停放" to "街面秩序", "非法小广告" to "宣传广告")
        column.add(typeGrid(context, types.map { (type, group) -> TypeButton(context, type, group) {} }))
        val groups = column.add(RowCard(context))
        for ((group, number) in listOf("市容环境" to 19, "公用设施" to 38, "突发事件" to 10, "街面秩序" to 14)) {
            groups.row(RowModel(group, end = "$number 种", chevron = true, bold = false)) {}
        }
    }

    fun month(context: Context): View = Screen(context).apply {
        title("同光路西社区", {})
        val due = column.add(Card(context, Tone.WARNING))
        due.add(StateView(context, size = Size.TITLE)).show(Mark(R.drawable.ic_clock_alert, Tone.WARNING, "九月还没有活动"))
        due.add(Label(context)).text = "还剩 7 天，到 9 月 30 日。每月至少 1 场。"
        val year = column.add(Card(context, gap = 8))
        year.add(Label(context, bold = true)).heading().text = "2026 年"
        year.add(monthGrid(context, (1..12).map { month ->
            val mark = when {
                month == 3 -> State.MONTH_MISSING.mark(context)
                month < 9 -> Mark(R.drawable.ic_calendar_check, Tone.SUCCESS, "通过")
                month == 9 -> Mark(R.drawable.ic_clock_alert, Tone.WARNING, "剩 7 天")
                else -> null
            }
            MonthCell(context, "$month 月", mark)
        }))
        primary("记一场活动", R.drawable.ic_plus) {}
        navigation(Place.TODAY, 3) {}
    }

    fun denied(context: Context): View = Screen(context).apply {
        title("拍照", {})
        column.add(EmptyState(context, R.drawable.ic_camera, "还不能用相机", "上报要有照片。点下面的按钮，选“使用时允许”。", Tone.WARNING))
        val rows = column.add(RowCard(context))
        rows.row(RowModel("相机", Lead.Small(R.drawable.ic_camera), sub = "拍现场", badge = Mark(R.drawable.ic_alert, Tone.WARNING, "未允许")))
        rows.row(RowModel("定位", Lead.Small(R.drawable.ic_pin), sub = "只在当班时用", badge = Mark(R.drawable.ic_check, Tone.SUCCESS, "已允许")))
        primary("去允许") {}
        second("先不拍，记文字草稿") {}
    }

    fun history(context: Context): View = Screen(context).apply {
        title("历史", {}, IconButton(context, R.drawable.ic_search, "搜索") {})
        val lines = listOf(
            Line.Head("今天，11 条"),
            Line.Thing(1, RowModel("核查 道路破损", Lead.Photo(photo(context, 1)), State.CASE_CLOSED.mark(context), "08:40 · 已整改")),
            Line.Thing(2, RowModel("签到", Lead.Tile(R.drawable.ic_user_check, Tone.SUCCESS), sub = "07:02 · 02-03-14 单元，±5 米")),
            Line.Head("昨天，14 条"),
            Line.Thing(3, RowModel("道路破损", Lead.Photo(null), State.CASE_NOT_FILED.mark(context, tail = "：已有同一案卷"), "16:20 · 宽平大路社区")),
            Line.Note("13:00 换班还没答的，自动转给下一班陈国梁。"),
        )
        list {}.show(lines)
        navigation(Place.ME, 0) {}
    }

    fun components(context: Context): View = Screen(context).apply {
        title("组件", {}, StateView(context, State.DRAFT.mark(context), badge = true))
        banner.show(Mark(R.drawable.ic_wifi_off, Tone.NEUTRAL, "离线，记下的都在本机"))
        fun part(name: String) = column.add(Label(context, Size.CAPTION, R.color.text_muted)).heading().apply { text = name }
        part("状态：安静的和徽标")
        val quiet = column.add(Card(context))
        for (state in listOf(State.DRAFT, State.QUEUED, State.RECEIVED, State.REVIEW)) quiet.add(StateView(context, state.mark(context)))
        quiet.add(StateView(context, State.REFUSED.mark(context, "没有收到照片 2")))
        val badges = column.add(Card(context)).add(Flow(context))
        for (state in listOf(State.DRAFT, State.QUEUED, State.RECEIVED, State.REVIEW, State.UNATTENDED)) badges.addView(StateView(context, state.mark(context), badge = true))
        part("按钮")
        column.add(PrimaryButton(context, "上报", R.drawable.ic_camera) {})
        column.add(PrimaryButton(context, "提交", R.drawable.ic_send) {}).notYet("需先选类型")
        column.add(PrimaryButton(context, "按下", R.drawable.ic_send) {}).isPressed = true
        column.add(Focused(context))
        column.add(OutlineButton(context, "手工输入", R.drawable.ic_keyboard) {})
        column.add(AnswerButton(context, "已整改", R.drawable.ic_check, Tone.SUCCESS) {})
        column.add(QuietButton(context, "撤回这一条", tone = Tone.DANGER) {})
        part("字段和选择")
        column.add(Field(context, R.id.test_field, "名称", "如“秧歌排练”")).text = "秧歌鼓乐排练"
        column.add(Field(context, R.id.test_field_2, "人数")).fault("要填人数")
        column.add(CheckRow(context, "我已当场处理好", on = true) {})
        column.add(RadioCard(context, listOf("02-03-17 同光路东社区" to "照片在这里拍，可能性最大", "02-03-13 同光路东社区" to "北边，隔 9 米"), picked = 0) {})
        part("类型")
        val types = listOf(TypeButton(context, "道路破损", "刚用过") {}, TypeButton(context, "暴露垃圾", "市容环境") {}, TypeButton(context, "污水井盖", "公用设施") {})
        types[0].isSelected = true
        column.add(typeGrid(context, types))
        part("设置")
        val rows = column.add(RowCard(context))
        rows.row(RowModel("我报的", Lead.Small(R.drawable.ic_list), badge = Mark(R.drawable.ic_undo, Tone.DANGER, "退回 1"), chevron = true, bold = false)) {}
        rows.row(RowModel("语言", Lead.Small(R.drawable.ic_globe), end = "中文", chevron = true, bold = false)) {}
        part("自己")
        val self = column.add(Card(context))
        self.add(Facts(context, listOf("号码" to "130****2207", "终端" to "0217，REDMI 12C", "同步" to "10:23 全部收到")))
        part("缺的照片")
        val shots = column.add(Flow(context))
        shots.addView(Shot(context, photo(context, 3), "照片 1") {})
        shots.addView(ShotPlace(context, R.drawable.ic_camera, "补拍照片 2", "缺 2", Tone.DANGER) {})
        snackbar.show("已删除草稿", onUndo = {})
        notYet(primary("就是这里") {}, "需先选单元")
        second("继续等定位") {}
        navigation(Place.REPORT, 120) {}
    }
}
