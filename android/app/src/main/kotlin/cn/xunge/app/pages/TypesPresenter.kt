package cn.xunge.app.pages

import cn.xunge.client.why
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Matter
import cn.xunge.core.Why
import cn.xunge.core.XungeException
import cn.xunge.ids.EntryKey
import cn.xunge.ids.MatterNumber
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.transformLatest
import kotlinx.coroutines.flow.update

/** The types (上报：选类型). */
internal data class TypesState(
    val photos: List<DraftShot>,
    /** Six to press at once: what this worker reports most, then what patrollers report. */
    val frequent: List<Matter>,
    /** What the search found; null while nothing is searched for. */
    val found: List<Matter>?,
    val query: String,
    /** How many types there are at all; 0: no catalogue yet. */
    val all: Int,
    /** The type that the draft has. */
    val chosen: MatterNumber?,
    val refused: Why?,
)

@OptIn(kotlinx.coroutines.ExperimentalCoroutinesApi::class)
internal class TypesPresenter(
    private val handset: HandsetInterface,
    private val drafts: ReportDrafts,
    private val draft: EntryKey,
    io: CoroutineDispatcher,
) {
    private data class Asked(val query: String, val refused: Why?)

    private class Read(val photos: List<DraftShot>, val chosen: MatterNumber?)

    private val asked = MutableStateFlow(Asked("", null))
    private var read: Read? = null

    /** The type that the draft has, as far as it was read. */
    val chosen: MatterNumber? get() = read?.chosen

    val states: Flow<TypesState> = asked.transformLatest { emit(state(it)) }.flowOn(io)

    private suspend fun state(asked: Asked): TypesState {
        var refused = asked.refused
        try {
            val content = read ?: drafts.open(draft) { Read(handset.shots(it.photos()), it.content().matter) }.also { read = it }
            // The core puts the types that the worker reports most first.
            val all = handset.searchTypes("")
            val query = asked.query.trim()
            return TypesState(
                photos = content.photos,
                frequent = firstTypes(all, SHOWN),
                found = if (query.isEmpty()) null else handset.searchTypes(query),
                query = query,
                all = all.size,
                chosen = content.chosen,
                refused = refused,
            )
        } catch (failed: XungeException) {
            refused = failed.why
        }
        return TypesState(read?.photos.orEmpty(), emptyList(), null, asked.query, 0, read?.chosen, refused)
    }

    fun search(text: String) = asked.update { it.copy(query = text) }

    /** Sets the type of the draft; false if the core refused. */
    suspend fun choose(matter: MatterNumber): Boolean = try {
        drafts.change(draft) { it.matter(matter) }
        true
    } catch (failed: XungeException) {
        asked.update { it.copy(refused = failed.why) }
        false
    }

    /** The person goes back: a draft without anything leaves nothing behind. */
    fun leave() = drafts.dropIfEmpty(draft)

    private companion object {
        const val SHOWN = 6
    }
}
