package cn.xunge.app.pages

import cn.xunge.app.Gallery
import cn.xunge.app.StillHost
import cn.xunge.app.XungeRunner
import cn.xunge.core.Month
import cn.xunge.ids.YearAndMonth
import org.junit.Test
import org.junit.runner.RunWith
import java.time.LocalDate
import java.time.YearMonth

@RunWith(XungeRunner::class)
class MonthsGallery {
    /** This month and eleven before it; all approved but those that [other] says. */
    private fun months(today: LocalDate, other: Map<Int, Month>): List<Month> = (0L..11L).map { back ->
        val month = YearMonth.from(today).minusMonths(back)
        val text = YearAndMonth(month.toString())
        other[month.monthValue]?.copy(month = text) ?: Month(text, 1u, 1u, 0u, 0u)
    }

    private fun show(name: String, today: LocalDate, other: Map<Int, Month>) = Gallery.show(name) { context ->
        MonthsPage(StillHost(context)).build(MonthsState(today, MonthsPresenter.years(today, months(today, other))))
    }

    private val none = Month(YearAndMonth("2026-01"), 0u, 0u, 0u, 0u)

    @Test
    fun `nothing this month`() = show("month", LocalDate.of(2026, 9, 23), mapOf(9 to none, 3 to none))

    @Test
    fun `this month was returned and another waits`() =
        show("month-returned", LocalDate.of(2026, 9, 30), mapOf(9 to none.copy(filed = 1u, returned = 1u), 8 to none.copy(filed = 1u, waiting = 1u)))

    @Test
    fun `this month is approved, in January`() = show("month-done", LocalDate.of(2027, 1, 9), mapOf(11 to none))

    @Test
    fun `this month waits for review`() = show("month-review", LocalDate.of(2026, 6, 2), mapOf(6 to none.copy(filed = 1u, waiting = 1u)))
}
