package cn.xunge.conformance

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.platform.commons.support.ReflectionSupport
import java.io.File

/** The list of promises and the tests are the same. */
class PromisesTest {
    @Test
    fun `every promise has one test and every test a promise`() {
        val list = File(System.getProperty("xunge.root"), "bindings/conformance.toml").readText()
        val promised = Regex("""^id = "(c\d+)"$""", RegexOption.MULTILINE).findAll(list).map { it.groupValues[1] }.toList()
        val classes = ReflectionSupport.findAllClassesInPackage("cn.xunge.conformance", { true }, { true })
        val tested = classes
            .flatMap { it.declaredMethods.toList() }
            .filter { it.isAnnotationPresent(Test::class.java) }
            .mapNotNull { Regex("""^(c\d+) """).find(it.name)?.groupValues?.get(1) }
        assertEquals(promised.sorted(), tested.sorted())
        assertEquals(promised.distinct(), promised)
    }
}
