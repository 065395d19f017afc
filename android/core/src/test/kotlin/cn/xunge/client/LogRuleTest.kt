package cn.xunge.client

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File

/** No code logs the text of an error: it names files and persons. See `Errors.kt`. */
class LogRuleTest {
    private val forbidden = listOf(
        Regex("""[.$]message\b"""),
        Regex("""\blocalizedMessage\b"""),
        Regex("""\bgetMessage\b"""),
        Regex("""\bprintStackTrace\b"""),
        Regex("""\bstackTraceToString\b"""),
        // A throwable as the last argument of android.util.Log prints its message.
        Regex("""\bLog\.[vdiwe]\([^)]*,[^)]*,"""),
    )

    private fun offends(line: String): Boolean {
        val code = line.substringBefore("//").trim()
        return !code.startsWith("*") && !code.startsWith("/*") && forbidden.any { it.containsMatchIn(code) }
    }

    @Test
    fun `no code of the apps reads the message of an error`() {
        val sources = File(System.getProperty("xunge.root"), "android").listFiles()!!
            .map { File(it, "src/main/kotlin") }
            .filter { it.isDirectory }
            .flatMap { it.walk().filter { file -> file.extension == "kt" } }
        assertTrue(sources.any { it.name == "Errors.kt" })
        val offenders = sources.flatMap { file ->
            file.readLines().withIndex().filter { offends(it.value) }.map { "${file.name}:${it.index + 1} ${it.value.trim()}" }
        }
        assertEquals(emptyList<String>(), offenders)
    }

    @Test
    fun `the rule finds what it is for`() {
        assertTrue(offends("""Log.w("xunge", "sync: ${'$'}{failed.message}")"""))
        assertTrue(offends("""Log.w("xunge", "sync", failed)"""))
        assertTrue(offends("failed.printStackTrace()"))
        assertTrue(!offends("// the message of an error"))
        assertTrue(!offends("update(message)"), "what is signed is called so, too")
        assertTrue(!offends("""Log.w("xunge", failed.loggable())"""))
    }
}
