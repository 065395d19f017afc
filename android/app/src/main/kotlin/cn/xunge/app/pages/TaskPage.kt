package cn.xunge.app.pages

import android.content.Context
import android.graphics.drawable.Drawable
import android.view.Gravity
import android.view.View
import android.widget.LinearLayout
import cn.xunge.app.R
import cn.xunge.app.kit.AnswerButton
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Ground
import cn.xunge.app.kit.Icon
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Photo
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.StateView
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.heading
import cn.xunge.app.kit.show
import cn.xunge.app.kit.tokens
import cn.xunge.app.platform.Places
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Route
import cn.xunge.core.Answer
import cn.xunge.core.TaskPurpose
import cn.xunge.core.answerWords
import cn.xunge.core.momentWords
import cn.xunge.ids.TaskKey
import kotlinx.coroutines.withContext

/** One task: what is asked, until when, where, what it looked like, and the two answers. */
internal class TaskPage(host: Host, private val task: TaskKey) : Page<TaskState>(host) {
    private val presenter by lazy { host.session.run { TaskPresenter(handset, task, changes, Places(context).fixes(), io) } }

    /** The photo as it is drawn, and of which photo. */
    internal var picture: Pair<Picture, Drawable?>? = null
    private var built: TaskState.Shown? = null
    private var badge: StateView? = null
    private var where: WhereRow? = null

    override suspend fun follow(show: (TaskState) -> Unit) = presenter.states.collect { state ->
        val found = ((state as? TaskState.Shown)?.compare as? Compare.Here)?.picture
        if (found != null && picture?.first != found) {
            picture = found to withContext(host.session.io) { drawn(context, found.jpeg, LARGE) }
        }
        show(state)
    }

    override fun build(state: TaskState): Screen = when (state) {
        is TaskState.Shown -> shown(state)
        TaskState.Gone -> nothing(text(R.string.task_gone), text(R.string.task_gone_hint))
        is TaskState.Refused -> nothing(state.why.words.here(), state.why.code)
    }

    private fun nothing(headline: String, words: String) = Screen(context).apply {
        title(text(R.string.nav_tasks), { host.back() })
        column.add(EmptyState(context, R.drawable.ic_list_check, headline, words))
        primary(text(R.string.task_to_list)) { host.switch(Place.TASKS) }
    }

    private fun shown(state: TaskState.Shown) = Screen(context).apply {
        val task = state.task
        built = state
        val badge = StateView(context, badge = true).apply { show(mark(state)) }
        this@TaskPage.badge = badge
        title(task.purpose.question(context), { host.back() }, badge)
        compare(state)?.let { column.add(it) }
        column.add(asked(state))
        val answers = task.purpose.answers()
        val item = task.answered
        when {
            item != null -> {
                hint(text(R.string.task_answered_hint))
                primary(text(R.string.task_see_answer)) { host.go(Route.Item(item)) }
            }
            answers == null -> hint(text(R.string.task_unknown_kind))
            else -> {
                hint(text(R.string.task_choose))
                answers(answer(answers.first, true), answer(answers.second, false))
            }
        }
    }

    private fun mark(state: TaskState.Shown): Mark? =
        if (state.task.answered == null) state.task.clock(state.now, host.lang) else state.answer?.mark(host.lang)

    /** Clock and distance change all the time; the screen must not jump under a finger for them. */
    override fun update(screen: Screen, state: TaskState): Boolean {
        val before = built
        if (state !is TaskState.Shown || before == null || state.compare != before.compare) return false
        if (state.task.copy(dueWords = before.task.dueWords, isSeen = before.task.isSeen) != before.task) return false
        badge?.show(mark(state))
        where?.show(state.distance?.words?.here(), state.distance?.bearing)
        return true
    }

    private fun answer(answer: Answer, yes: Boolean): AnswerButton {
        val (icon, tone) = if (yes) R.drawable.ic_check to Tone.SUCCESS else R.drawable.ic_x to Tone.DANGER
        return AnswerButton(context, answerWords(host.lang, answer), icon, tone) { host.go(Route.TaskCamera(task, answer)) }
    }

    private fun compare(state: TaskState.Shown): View? = when (val compare = state.compare) {
        Compare.Absent -> null
        is Compare.Waiting -> RowCard(context).apply {
            val next = compare.nextTry?.let { text(R.string.photo_next_try, momentWords(it, state.now)) } ?: text(R.string.photo_next_sync)
            row(RowModel(text(R.string.photo_waits), Lead.Small(R.drawable.ic_image), sub = listOfNotNull(compare.problem?.words?.here(), next).joinToString(" · ")))
        }
        is Compare.Here -> {
            val drawn = picture?.takeIf { it.first == compare.picture }?.second
            val tag = text(tag(state.task.purpose))
            Photo(context, drawn, tag, tag).apply {
                contentDescription = text(R.string.photo_enlarge, tag)
                isFocusable = true
                setOnClickListener { BigPhoto.show(context, drawn, tag) }
            }
        }
    }

    private fun tag(purpose: TaskPurpose) = if (purpose == TaskPurpose.Check) R.string.photo_before else R.string.photo_reported

    /** What is asked, and below it where. */
    private fun asked(state: TaskState.Shown): View = Card(context, gap = 8).apply {
        val task = state.task
        add(Label(context, bold = true)).heading().text = task.wording
        task.otherHolder?.let { add(StateView(context)).show(Mark(R.drawable.ic_users, Tone.INFO, this@TaskPage.text(R.string.task_other_holder, it))) }
        val place = task.placeWords() ?: task.cellName?.line ?: task.cell.text
        where = add(WhereRow(context, place)).apply {
            if (task.place != null) opens(this@TaskPage.text(R.string.map_title)) { host.go(Route.Map(task.id)) }
            show(state.distance?.words?.here(), state.distance?.bearing)
        }
    }

    private companion object {
        /** Pixels: a cheap handset's screen, and room to enlarge. */
        const val LARGE = 1440
    }
}

/** A place with its distance and direction. The arrow points as on a map: north is up. */
private class WhereRow(context: Context, private val place: String) : LinearLayout(context) {
    private val icon = Icon(context)
    private val distance = Label(context, bold = true)
    private val action = Label(context, color = R.color.brand, bold = true)

    init {
        gravity = Gravity.CENTER_VERTICAL
        minimumHeight = tokens.dp(48)
        addView(icon, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply { marginEnd = tokens.dp(12) })
        val words = Column(context, gap = 0)
        words.add(distance)
        words.add(Label(context, color = R.color.text_muted)).text = place
        addView(words, LayoutParams(0, LayoutParams.WRAP_CONTENT, 1f))
        action.visibility = GONE
        val side = LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT).apply { marginStart = tokens.dp(12) }
        // Beside large text the word would leave the place a column of a few characters.
        if (tokens.bigText) words.addView(action, LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT)) else addView(action, side)
        for (at in 0 until childCount) getChildAt(at).importantForAccessibility = IMPORTANT_FOR_ACCESSIBILITY_NO_HIDE_DESCENDANTS
        isFocusable = true
    }

    /** A press leads to the map; [name] says so. */
    fun opens(name: String, onClick: () -> Unit) {
        action.show(name)
        background = Ground(context, tokens.color(R.color.surface), tokens.color(R.color.neutral_soft), radius = 12f)
        setOnClickListener { onClick() }
    }

    /** Nothing is known without a fix. */
    fun show(words: String?, bearing: Double?) {
        distance.show(words)
        icon.show(if (bearing == null) R.drawable.ic_pin else R.drawable.ic_navigation, R.color.text)
        icon.rotation = bearing?.toFloat() ?: 0f
        contentDescription = listOfNotNull(words, place, action.text).filter { it.isNotEmpty() }.joinToString(context.getString(R.string.spoken_comma))
    }
}
