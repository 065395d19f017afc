package cn.xunge.app.pages

import cn.xunge.core.Matter
import cn.xunge.ids.MatterNumber
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class FirstTypesTest {
    private val codes = (1..12).map { "C%04d".format(100 + it) } + (1..13).map { "E%04d".format(100 + it) } + listOf("E0201", "E0202", "E0504", "E0505")

    private fun first(codes: List<String>) = firstTypes(codes.map { Matter(MatterNumber(it), it, it) }, 6).map { it.code.text }

    @Test
    fun `without history there are six of different classes`() {
        val first = first(codes)
        assertEquals(listOf("E0110", "E0102", "C0102", "E0504", "E0505", "E0201"), first)
        assertTrue(first.map { it.take(3) }.toSet().size >= 4)
    }

    @Test
    fun `what the worker reports comes first and then the others, none twice`() {
        val used = listOf("E0505", "C0107")
        assertEquals(listOf("E0505", "C0107", "E0110", "E0102", "C0102", "E0504"), first(used + (codes - used.toSet())))
        val six = listOf("E0505", "E0202", "C0107", "C0104", "C0112", "C0111")
        assertEquals(six, first(six + (codes - six.toSet())))
    }

    @Test
    fun `a catalogue without them shows its own`() {
        assertEquals(listOf("X1", "X2"), first(listOf("X1", "X2")))
        assertEquals(emptyList<String>(), first(emptyList()))
    }
}
