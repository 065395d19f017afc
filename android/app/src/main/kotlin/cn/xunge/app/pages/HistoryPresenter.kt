package cn.xunge.app.pages

import cn.xunge.core.HandsetInterface
import cn.xunge.core.HistoryRow
import cn.xunge.core.Matter
import cn.xunge.core.ScreenChanges
import cn.xunge.core.Today
import cn.xunge.ids.MatterNumber
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine

/**
 * 历史.
 *
 * @param rows what was read, newest first
 * @param more older records follow
 * @param names the types that the rows name
 * @param query what is looked for among the rows that were read; null while nothing is looked for
 */
data class HistoryState(
    val today: Today,
    val rows: List<HistoryRow>,
    val more: Boolean,
    val names: Map<MatterNumber, Matter>,
    val query: String? = null,
) {
    /** The rows that the query finds. */
    val found: List<HistoryRow>
        get() {
            val wanted = query?.trim().orEmpty()
            if (wanted.isEmpty()) return rows
            return rows.filter { row -> texts(row).any { it.contains(wanted, ignoreCase = true) } }
        }

    private fun texts(row: HistoryRow): List<String> =
        listOfNotNull(row.title, row.place, row.text, row.number, row.cell?.text) + listOfNotNull(row.matter?.let(names::get)).flatMap { listOf(it.zh, it.en) }
}

class HistoryPresenter(
    private val handset: HandsetInterface,
    changes: Flow<ScreenChanges>,
    io: CoroutineDispatcher,
) {
    private val reader = Reader(io)
    private val query = MutableStateFlow<String?>(null)
    private val names = HashMap<MatterNumber, Matter>()

    @Volatile
    private var wanted = PAGE

    val states: Flow<Read<HistoryState>> =
        reader.states(changes, ::read).combine(query) { read, query -> read.copy(it = read.it?.copy(query = query)) }

    private fun read(): HistoryState {
        val wanted = wanted
        val rows = handset.history(null, wanted.toUInt())
        for (code in rows.mapNotNull { it.matter }.distinct()) {
            if (code !in names) handset.searchTypes(code.text).firstOrNull { it.code == code }?.let { names[code] = it }
        }
        return HistoryState(handset.today(), rows, rows.size == wanted, HashMap(names))
    }

    /** Reads one page more. */
    fun more(state: HistoryState) {
        if (!state.more || wanted > state.rows.size) return
        wanted += PAGE
        reader.again()
    }

    /** Looks among what was read; null ends it. */
    fun find(text: String?) {
        query.value = text
    }

    private companion object {
        const val PAGE = 60
    }
}
