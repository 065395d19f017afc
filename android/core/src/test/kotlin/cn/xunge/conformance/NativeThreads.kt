package cn.xunge.conformance

import java.io.File
import java.io.IOException

/** Threads of this process as the system sees them. */
object NativeThreads {
    private fun all(name: String): List<File> = File("/proc/self/task").listFiles().orEmpty().filter { task ->
        read(File(task, "comm"))?.trim()?.startsWith(name) == true
    }

    /** How often threads whose name begins so went to sleep by themselves so far. */
    fun wakeUps(name: String): Long = all(name).sumOf { task ->
        val line = read(File(task, "status"))?.lines()?.firstOrNull { it.startsWith("voluntary_ctxt_switches") }
        line?.substringAfter(':')?.trim()?.toLong() ?: 0
    }

    fun count(name: String): Int = all(name).size

    /** Null when the thread is gone. */
    private fun read(file: File): String? = try {
        file.readText()
    } catch (_: IOException) {
        null
    }
}
