package cn.xunge.app.pages

import cn.xunge.core.HandsetInterface
import cn.xunge.core.Position
import cn.xunge.core.ReportDraft
import cn.xunge.ids.EntryKey
import kotlinx.coroutines.CoroutineDispatcher

/**
 * The drafts of reports, as the pages of a report read and change them. Each act opens the saved draft and is done before
 * the next begins, in the order in which they were asked for ([Turns]): a page that is left saves, and the next one reads
 * what it saved. An act goes on when its page is left, so that no photo and no word is lost.
 */
class ReportDrafts(private val handset: HandsetInterface, private val io: CoroutineDispatcher) {
    /** Begins a draft. It is kept once [act] adds a photo or saves. */
    suspend fun <T> begin(act: suspend (ReportDraft) -> T): T = Turns.lasting(io) { handset.newReport().use { act(it) } }

    /** Opens a saved draft. */
    suspend fun <T> open(id: EntryKey, act: suspend (ReportDraft) -> T): T = Turns.lasting(io) { handset.reportDraft(id).use { act(it) } }

    /** Changes a saved draft and saves it. */
    suspend fun change(id: EntryKey, act: (ReportDraft) -> Unit) = open(id) {
        act(it)
        it.save()
    }

    /** As [change], for a page that is left: nobody waits. A draft that was filed or thrown away meanwhile stays so. */
    fun changeLater(id: EntryKey, act: (ReportDraft) -> Unit) = Turns.leave(io) {
        tried {
            handset.reportDraft(id).use {
                act(it)
                it.save()
            }
        }
    }

    /** The person went back: a draft without photo, type and words leaves nothing behind. */
    fun dropIfEmpty(id: EntryKey) = Turns.leave(io) {
        tried {
            val empty = handset.reportDraft(id).use { draft ->
                val content = draft.content()
                draft.photos().isEmpty() && content.matter == null && content.text.isBlank() && content.address.isBlank()
            }
            if (empty) handset.withdraw(id, "")
        }
    }
}

/** Says where a draft is filed, if nothing says so yet: its photos were taken there. */
internal fun ReportDraft.placeOnce(fix: Position?) {
    if (fix != null && position() == null) at(fix)
}
