package cn.xunge.app.pages

import cn.xunge.core.HandsetInterface
import cn.xunge.core.ScreenChanges
import cn.xunge.core.Why
import cn.xunge.ids.Moment
import cn.xunge.ids.YearAndMonth
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onStart
import java.time.Instant
import java.time.LocalDate
import java.time.YearMonth
import java.time.ZoneId

/** How a month of the sports manager stands. */
enum class MonthIs {
    /** At least one record is approved. */
    DONE,

    /** Filed, not reviewed yet. */
    REVIEW,

    /** Returned, and nothing else was filed. */
    RETURNED,

    /** Over, after the first record of the author's, and without one. */
    MISSING,

    /** Before the first record of the author's: whether it was this person's month, only the server knows. */
    OPEN,

    /** The month runs and he filed nothing yet. */
    NOW,

    /** It has not come. */
    COMING,
}

/** A month of the calendar. */
data class MonthLine(val month: YearMonth, val state: MonthIs)

/**
 * The sports manager's months (本月活动).
 *
 * @param today of the handset's clock, in Asia/Shanghai
 * @param years newest first, with their months
 */
data class MonthsState(val today: LocalDate, val years: List<Pair<Int, List<MonthLine>>>, val problem: Why? = null) {
    /** Days that remain after this one. */
    val daysLeft: Int get() = today.lengthOfMonth() - today.dayOfMonth

    /** How this month stands. */
    val now: MonthIs? get() = years.flatMap { it.second }.firstOrNull { it.month == YearMonth.from(today) }?.state
}

/** The civil time of all that is counted in days and months. */
internal val CIVIL: ZoneId = ZoneId.of("Asia/Shanghai")

internal fun Moment.civilDate(): LocalDate = Instant.ofEpochMilli(millis).atZone(CIVIL).toLocalDate()

class MonthsPresenter(private val handset: HandsetInterface, private val changes: Flow<ScreenChanges>, private val io: CoroutineDispatcher) {
    val states: Flow<MonthsState> = changes.map {}.onStart { emit(Unit) }.map { read() }.flowOn(io)

    private fun read(): MonthsState {
        val read = tried {
            val today = handset.today().now.civilDate()
            MonthsState(today, years(today, handset.months(MONTHS)))
        }
        return when (read) {
            is Tried.Done -> read.value
            is Tried.Refused -> MonthsState(LocalDate.of(1970, 1, 1), emptyList(), read.why)
        }
    }

    internal companion object {
        /** As far back as the core keeps records of other handsets. */
        val MONTHS: UShort = 24u

        /** How many of them are shown, this one included. */
        const val SHOWN = 12L

        /** This year's months, those to come included, and before it what the last twelve months hold of the year before. */
        fun years(today: LocalDate, months: List<cn.xunge.core.Month>): List<Pair<Int, List<MonthLine>>> {
            val now = YearMonth.from(today)
            val known = months.associate { it.month.civil() to it }
            val before = known.keys.filter { it.year < now.year && it > now.minusMonths(SHOWN) }.sorted()
            val first = months.filter { it.filed > 0u }.minOfOrNull { it.month.civil() }
            val all = before + (1..12).map { YearMonth.of(now.year, it) }
            return all.map { MonthLine(it, state(it, now, known[it], first)) }.groupBy { it.month.year }.toList().sortedByDescending { it.first }
        }

        private fun state(month: YearMonth, now: YearMonth, filed: cn.xunge.core.Month?, first: YearMonth?): MonthIs = when {
            month > now -> MonthIs.COMING
            filed != null && filed.approved > 0u -> MonthIs.DONE
            filed != null && filed.waiting > 0u -> MonthIs.REVIEW
            filed != null && filed.returned > 0u -> MonthIs.RETURNED
            month == now -> MonthIs.NOW
            first != null && month > first -> MonthIs.MISSING
            else -> MonthIs.OPEN
        }

        private fun YearAndMonth.civil(): YearMonth = YearMonth.parse(text)
    }
}
