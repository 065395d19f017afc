package cn.xunge.conformance

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import java.io.BufferedReader
import java.io.File

/**
 * The program `xunge-rig`: a real server behind a faulty line, see `tests/src/rig.rs`. One for all tests of this process;
 * it ends with it, because its input ends.
 */
object Rig {
    /** The community with four cells, and one for tests of duty, where nobody else is on duty. */
    const val HERE = "2201040101"
    const val CELL = "220104010101"
    const val DUTY_AREA = "2201040201"
    const val DUTY_CELL = "220104020101"

    private val process = ProcessBuilder(System.getProperty("xunge.rig"))
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start()
    private val input = process.outputStream.bufferedWriter()
    private val output: BufferedReader = process.inputStream.bufferedReader()

    /** A point inside each cell. */
    private val cells: JsonObject = answer().jsonObject.getValue("cells").jsonObject

    private fun answer(): JsonElement {
        val line = checkNotNull(output.readLine()) { "xunge-rig ended; see its standard error" }
        val answer = Json.parseToJsonElement(line).jsonObject
        return checkNotNull(answer["ok"]) { "xunge-rig: ${answer["failed"]}" }
    }

    @Synchronized
    private fun obey(verb: String, vararg fields: Pair<String, Any?>): JsonElement {
        val command = buildJsonObject {
            put("do", JsonPrimitive(verb))
            for ((name, value) in fields) {
                put(
                    name,
                    when (value) {
                        null -> continue
                        is JsonElement -> value
                        is Number -> JsonPrimitive(value)
                        else -> JsonPrimitive(value.toString())
                    },
                )
            }
        }
        input.write("$command\n")
        input.flush()
        return answer()
    }

    /** Latitude and longitude in 10^-7 degrees. */
    fun point(cell: String): Pair<Int, Int> {
        val point = cells.getValue(cell).jsonObject
        return point.getValue("lat").jsonPrimitive.int to point.getValue("lon").jsonPrimitive.int
    }

    /** The enrolment string, the server's address in it, and the holder's name. */
    data class Invited(val text: String, val server: String, val holder: String)

    fun invite(post: String, role: String = "patroller", area: String = HERE): Invited {
        val made = obey("invite", "post" to post, "role" to role, "area" to area).jsonObject
        fun text(name: String) = made.getValue(name).jsonPrimitive.content
        return Invited(text("invitation"), text("server"), text("holder"))
    }

    /** Connections that a fault has hit so far. */
    fun faults(): Long = obey("line").jsonObject.getValue("faults").jsonPrimitive.long

    /** Bytes that handsets have sent so far. */
    fun bytesSent(): Long = obey("line").jsonObject.getValue("bytes_sent").jsonPrimitive.long

    /** Sets the line; what is open on it is closed. */
    fun line(fault: String, bytes: Long? = null) {
        val state = if (bytes == null) JsonPrimitive(fault) else buildJsonObject { put(fault, JsonPrimitive(bytes)) }
        obey("line", "fault" to state)
    }

    /** Ends the stream of a lost terminal. */
    fun revoke(stream: String) = obey("revoke", "stream" to stream)
    fun refuse(entry: String, reason: String) = obey("refuse", "entry" to entry, "reason" to reason)
    fun review(record: String, version: Int, reason: String? = null) =
        obey("review", "record" to record, "version" to version, "reason" to reason)
    fun decline(number: String, reason: String) = obey("decline", "number" to number, "reason" to reason)

    /** Has a report filed, handled, and sent to the person on duty in its cell to be checked; the check task's id. */
    fun check(number: String, opinion: String): String =
        obey("check", "number" to number, "opinion" to opinion).jsonObject.getValue("task").jsonPrimitive.content

    /** The shift leader closes the case of a report whose check passed. */
    fun close(number: String, opinion: String) = obey("close", "number" to number, "opinion" to opinion)

    /** Gives a task to whoever is on duty in the cell; its id. */
    fun task(cell: String, wording: String): String =
        obey("task", "cell" to cell, "wording" to wording).jsonObject.getValue("id").jsonPrimitive.content

    fun taskState(task: String): JsonObject = obey("task_state", "task" to task).jsonObject
    fun cancelTask(task: String) = obey("cancel_task", "task" to task)
    fun import(file: File) = obey("import", "file" to file.path)

    /** The server's reports with this text. */
    fun reports(text: String): List<ServerReport> =
        obey("state", "text" to text).jsonObject.getValue("cases").jsonArray.map { ServerReport(it.jsonObject) }

    /** The server's activity records with this title. */
    fun activities(title: String): List<ServerActivity> =
        obey("activities", "title" to title).jsonArray.map { ServerActivity(it.jsonObject) }

    /** Entries that the server holds, of everybody. */
    fun entries(): Int {
        val counts = obey("state", "text" to "").jsonObject.getValue("counts").jsonObject
        return counts.getValue("entries").jsonObject.values.sumOf { it.jsonPrimitive.int }
    }
}

/** A report as the centre sees it. */
class ServerReport(private val case: JsonObject) {
    val number = case.getValue("number").jsonPrimitive.content
    val state = case.getValue("state").jsonPrimitive.content
    val photosNamed = case.getValue("photos_named").jsonPrimitive.int
    val photosHeld = case.getValue("photos_held").jsonPrimitive.int

    /** Who made it, as the case's ledger names him: by his post. */
    val by = case.getValue("by").jsonPrimitive.content
    val isWithdrawn = case.getValue("withdrawn").jsonPrimitive.content.toBoolean()
    override fun toString() = case.toString()
}

/** An activity record as its reviewer sees it. */
class ServerActivity(private val activity: JsonObject) {
    val record = activity.getValue("record").jsonPrimitive.content
    val version = activity.getValue("version").jsonPrimitive.int
    val state = activity.getValue("state").jsonPrimitive.content
    override fun toString() = activity.toString()
}
