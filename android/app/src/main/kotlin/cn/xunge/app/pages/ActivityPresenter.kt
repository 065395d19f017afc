package cn.xunge.app.pages

import cn.xunge.client.why
import cn.xunge.core.ActivityContent
import cn.xunge.core.ActivityRecordDraftInterface
import cn.xunge.core.HandsetInterface
import cn.xunge.core.ItemKind
import cn.xunge.core.QueueFilter
import cn.xunge.core.Submitted
import cn.xunge.core.Why
import cn.xunge.core.Words
import cn.xunge.core.XungeException
import cn.xunge.ids.EntryKey
import cn.xunge.ids.Moment
import cn.xunge.ids.RecordKey
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.emitAll
import kotlinx.coroutines.flow.flow

/** What the form is opened for. */
internal sealed class RecordOf {
    data object New : RecordOf()

    data class Draft(val id: EntryKey) : RecordOf()

    data class Revise(val record: RecordKey) : RecordOf()

    /** The name of its page, for pictures that are chosen for it. */
    val page: String
        get() = when (this) {
            New -> "activity"
            is Draft -> "activity-${id.text}"
            is Revise -> "activity-${record.text}"
        }
}

/** A part of the form. */
internal enum class RecordField { CATEGORY, TITLE, STARTS, ENDS, PEOPLE, PLACE, ORGANISER, SUMMARY }

/** The form of an activity record (活动记录). */
internal sealed class RecordState {
    /**
     * @param content as it stands; text fields take it only when the form is built
     * @param returned why the street returned the version before; null if none was
     * @param photosLeftOut photos of that version that are not on this handset any more
     */
    data class Open(val content: ActivityContent, val now: Moment, val returned: Words?, val photosLeftOut: Int, val work: DraftWork) : RecordState() {
        /** The part of the form that the refusal is about; null: of the whole. */
        val fault: RecordField? get() = work.problem?.let { faultOf(it.code, content) }
    }

    /** A draft was begun: from now on the form is the form of this draft, which survives the page. */
    data class Begun(val id: EntryKey) : RecordState()

    data class Refused(val why: Why) : RecordState()
}

/** The core names by its code what is wrong; what is missing it asks for in this order. */
internal fun faultOf(code: String, content: ActivityContent): RecordField? = when (code) {
    "activity.incomplete" -> when {
        content.category.isBlank() -> RecordField.CATEGORY
        content.title.isBlank() -> RecordField.TITLE
        content.place.isBlank() -> RecordField.PLACE
        content.organiser.isBlank() -> RecordField.ORGANISER
        content.starts == null -> RecordField.STARTS
        content.ends == null -> RecordField.ENDS
        else -> RecordField.PEOPLE
    }
    "activity.category" -> RecordField.CATEGORY
    "activity.title" -> RecordField.TITLE
    "activity.place" -> RecordField.PLACE
    "activity.organiser" -> RecordField.ORGANISER
    "activity.times" -> RecordField.ENDS
    "activity.not_yet" -> RecordField.STARTS
    "activity.participants" -> RecordField.PEOPLE
    "activity.summary" -> RecordField.SUMMARY
    else -> null
}

internal class ActivityPresenter(private val handset: HandsetInterface, private val of: RecordOf, private val io: CoroutineDispatcher) : PhotoPresenter() {
    private var draft: ActivityRecordDraftInterface? = null
    private val content = MutableStateFlow(NOTHING)
    private var touched = false

    val states: Flow<RecordState> = flow {
        val opened = try {
            Turns.take(io) { open() }
        } catch (refused: XungeException) {
            RecordState.Refused(refused.why)
        }
        val desk = desk
        if (opened is RecordState.Open && desk != null) {
            desk.read()
            emitAll(combine(content, desk.work) { content, work -> opened.copy(content = content, work = work) })
        } else {
            emit(opened)
        }
    }

    private fun open(): RecordState = when (of) {
        RecordOf.New -> begun(handset.newActivity())
        is RecordOf.Revise -> {
            // Begun before and not filed: goes on with it.
            val saved = handset.drafts().firstOrNull { it.kind == ItemKind.Activity && it.record == of.record }
            if (saved == null) begun(handset.reviseActivity(of.record)) else RecordState.Begun(saved.id)
        }
        is RecordOf.Draft -> {
            val opened = draft ?: handset.activityDraft(of.id).also {
                draft = it
                desk = DraftDesk(handset, it.calls(), io)
                content.value = it.content()
            }
            RecordState.Open(content.value, handset.today().now, returned(of.id), opened.photosLeftOut().toInt(), DraftWork())
        }
    }

    private fun begun(draft: ActivityRecordDraftInterface): RecordState {
        draft.save()
        return RecordState.Begun(draft.id())
    }

    /** Why the version that this draft revises was returned. */
    private fun returned(id: EntryKey): Words? {
        val record = handset.drafts().firstOrNull { it.id == id }?.record ?: return null
        val row = handset.queuePage(QueueFilter.NEEDS_YOU, null, PAGE).firstOrNull { it.record == record }
            ?: handset.needsYouElsewhere().firstOrNull { it.record == record }
            ?: return null
        val words = orNull { handset.item(row.id).reviewReason }
        return words?.let { Words(it, it) } ?: row.reason?.words
    }

    /** Something was typed or chosen. */
    fun change(edit: (ActivityContent) -> ActivityContent) {
        val next = edit(content.value)
        if (next == content.value) return
        touched = true
        content.value = next
    }

    /** Files the record; null if the core refused it. */
    suspend fun submit(): Submitted? = desk?.submit(::write)

    /** The page is left: what was typed is saved. */
    fun leave() {
        if (touched) desk?.leave(::write)
    }

    /** Back. Of a form in which nothing stands no draft remains. Whether one is kept. */
    fun giveUp(): Boolean {
        val id = draft?.id() ?: return false
        if (content.value != NOTHING || desk?.work?.value?.shots?.isEmpty() != true) return true
        touched = false
        Turns.leave(io) { tried { handset.withdraw(id, "") } }
        return false
    }

    private fun write() {
        val draft = draft ?: return
        val now = content.value
        draft.category(now.category)
        draft.title(now.title)
        draft.place(now.place)
        draft.organiser(now.organiser)
        draft.summary(now.summary)
        now.starts?.let(draft::starts)
        now.ends?.let(draft::ends)
        // A number cannot be taken back; the core refuses 0 with the right words.
        if (now.participants != null || draft.content().participants != null) draft.participants(now.participants ?: 0u)
    }

    internal companion object {
        val NOTHING = ActivityContent("", "", null, null, "", "", null, "")
        val PAGE = 100u
    }
}
