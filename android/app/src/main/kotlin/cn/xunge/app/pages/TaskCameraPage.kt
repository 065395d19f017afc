package cn.xunge.app.pages

import android.graphics.drawable.Drawable
import android.view.Gravity
import android.view.View
import android.widget.LinearLayout
import cn.xunge.app.R
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Field
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.Photo
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.Tone
import cn.xunge.app.kit.heading
import cn.xunge.app.kit.tokens
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.core.Answer
import cn.xunge.core.answerWords
import cn.xunge.ids.TaskKey
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/** The answer to a task: a photo from the same place as the one before, and words if there is something to say. */
internal class TaskCameraPage(
    host: Host,
    task: TaskKey,
    private val answer: Answer,
    taker: PhotoTaker = OwnCamera(host, "answer-${task.text}") { answerWords(host.lang, answer) },
) : Page<TaskCameraState>(host) {
    private val presenter by lazy { host.session.run { TaskCameraPresenter(handset, task, answer, io) } }

    /** The photo before, as it is drawn. */
    internal var before: Drawable? = null
    private var field: Field? = null
    private var row: ShotRow? = null
    private var built: TaskCameraState.Open? = null
    private var isOpen = false
    private val photos = DraftPhotos(host, ::presenter, taker, ::scope)

    override suspend fun follow(show: (TaskCameraState) -> Unit) = presenter.states.collect { state ->
        if (state is TaskCameraState.Open) {
            photos.locate()
            if (!isOpen) photos.collect()
            isOpen = true
        }
        val picture = ((state as? TaskCameraState.Open)?.compare as? Compare.Here)?.picture
        if (picture != null && before == null) before = withContext(host.session.io) { drawn(context, picture.jpeg, MIDDLE) }
        show(state)
    }

    override fun build(state: TaskCameraState): Screen = when (state) {
        is TaskCameraState.Open -> open(state)
        TaskCameraState.Gone -> nothing(text(R.string.task_gone), text(R.string.task_gone_hint))
        is TaskCameraState.Refused -> nothing(state.why.words.here(), state.why.code)
    }

    private fun nothing(headline: String, words: String) = Screen(context).apply {
        title(answerWords(host.lang, answer), { host.back() })
        column.add(EmptyState(context, R.drawable.ic_list_check, headline, words))
        primary(text(R.string.task_to_list)) { host.switch(Place.TASKS) }
    }

    private fun open(state: TaskCameraState.Open) = Screen(context).apply {
        title(text(R.string.answer_title, answerWords(host.lang, answer)), { host.back() })
        column.add(asked(state))
        column.add(Label(context, Size.CAPTION, R.color.text_muted)).text = text(R.string.answer_photos)
        val shots = ShotRow(context, photos::press, photos::take)
        column.add(shots.view)
        shots.show(state.work.shots)
        row = shots
        val typed = field?.text ?: state.text
        field = column.add(Field(context, R.id.answer_text, text(R.string.answer_words), text(R.string.answer_words_hint), lines = 2)).apply { this.text = typed }
        when {
            state.work.busy -> notYet(primary(text(R.string.answer_submit), R.drawable.ic_send) {}, text(R.string.answer_busy))
            state.work.shots.isEmpty() -> {
                primary(text(R.string.photo_take), R.drawable.ic_camera) { photos.take() }
                second(text(R.string.answer_without_photo)) { photos.file(::submit) }
            }
            else -> primary(text(R.string.answer_submit), R.drawable.ic_send) { photos.file(::submit) }
        }
        problem(state)
        built = state
    }

    /** What is asked, beside the small photo of the place: whoever stands where it was taken sees the same. */
    private fun asked(state: TaskCameraState.Open): View {
        val words = Column(context, gap = 4)
        words.add(Label(context, bold = true)).heading().text = state.wording
        val photo = before?.takeIf { state.compare is Compare.Here }
        if (photo == null) return Card(context).apply { add(words) }
        val checks = answer == Answer.RECTIFIED || answer == Answer.NOT_RECTIFIED
        val name = text(if (checks) R.string.photo_stand_here else R.string.photo_stand_there)
        words.add(Label(context, Size.CAPTION, R.color.text_muted)).text = name
        return Card(context).apply {
            val line = add(LinearLayout(context))
            line.orientation = if (tokens.bigText) LinearLayout.VERTICAL else LinearLayout.HORIZONTAL
            line.gravity = if (tokens.bigText) Gravity.START else Gravity.CENTER_VERTICAL
            val wrap = LinearLayout.LayoutParams.WRAP_CONTENT
            val small = Photo(context, photo, name).apply {
                contentDescription = text(R.string.photo_enlarge, name)
                isFocusable = true
                setOnClickListener { BigPhoto.show(context, photo, name) }
            }
            line.addView(small, LinearLayout.LayoutParams(tokens.dp(SMALL), wrap).apply { marginEnd = tokens.dp(12) })
            line.addView(words, if (tokens.bigText) LinearLayout.LayoutParams(LinearLayout.LayoutParams.MATCH_PARENT, wrap) else LinearLayout.LayoutParams(0, wrap, 1f))
        }
    }

    override fun update(screen: Screen, state: TaskCameraState): Boolean {
        val before = built
        if (state !is TaskCameraState.Open || before == null) return false
        // The buttons at the foot are others.
        if (state.work.busy != before.work.busy || state.work.shots.isEmpty() != before.work.shots.isEmpty() || state.compare != before.compare) return false
        row?.show(state.work.shots)
        screen.problem(state)
        return true
    }

    private fun Screen.problem(state: TaskCameraState.Open) {
        val why = state.work.problem
        if (why == null) banner.hide() else banner.show(Mark(R.drawable.ic_alert, Tone.WARNING, why.words.here()))
    }

    private fun submit() {
        presenter.typed(field?.text.orEmpty())
        scope.launch {
            // The list of tasks says what became of it, and goes on saying it when the server has it.
            if (presenter.submit() != null) host.switch(Place.TASKS)
        }
    }

    override fun onPictures() = photos.collect()

    override fun onBack(): Boolean {
        field?.let { presenter.typed(it.text) }
        if (presenter.keeps()) host.tell(text(R.string.answer_kept))
        return false
    }

    override fun onLeave() {
        field?.let { presenter.typed(it.text) }
        presenter.leave()
    }

    private companion object {
        /** Pixels that are drawn of the photo before; enlarged it is still clear. */
        const val MIDDLE = 900

        /** Width in dp of the small photo. */
        const val SMALL = 132
    }
}
