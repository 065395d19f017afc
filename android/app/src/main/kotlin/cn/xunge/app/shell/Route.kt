package cn.xunge.app.shell

import cn.xunge.core.Answer
import cn.xunge.ids.EntryKey
import cn.xunge.ids.RecordKey
import cn.xunge.ids.TaskKey

/**
 * A page that one can be on, with what it is about. The way back is a list of routes; it survives the end of the process
 * as texts, so a route holds ids and never content: drafts are in the core.
 */
sealed class Route {
    data object Today : Route()

    /** The camera; the first photo begins a draft. Null: a new report. */
    data class Camera(val draft: EntryKey? = null) : Route()

    data class Types(val draft: EntryKey) : Route()

    data class Submit(val draft: EntryKey) : Route()

    data class PlaceOf(val draft: EntryKey) : Route()

    data class Sent(val item: EntryKey) : Route()

    data object Queue : Route()

    data class Item(val item: EntryKey) : Route()

    data object Tasks : Route()

    data class TaskPage(val task: TaskKey) : Route()

    data class TaskCamera(val task: TaskKey, val answer: Answer) : Route()

    /** The map of the grid and the tasks; with a task it begins at that one. */
    data class Map(val task: TaskKey? = null) : Route()

    /** The sports manager's months. */
    data object Months : Route()

    /** An activity record's draft; null: a new one. */
    data class Activity(val draft: EntryKey? = null) : Route()

    /** A new version of an activity record. */
    data class ReviseActivity(val record: RecordKey) : Route()

    data object History : Route()

    data object Me : Route()

    data object Storage : Route()

    data object NetworkRules : Route()

    /** What a maker's battery manager has to allow. */
    data object Battery : Route()

    data object Users : Route()

    data object Export : Route()

    /** Language and theme. */
    data object Look : Route()

    data object Licences : Route()

    /** A newer version of the app. */
    data object Update : Route()

    /** A new PIN of the app's lock. */
    data object Pin : Route()

    /** The fingerprint beside the PIN. */
    data object Finger : Route()

    /** The invitation is scanned or typed. */
    data object Enrol : Route()

    /** The text of the route in saved state. */
    fun text(): String {
        val parts = when (this) {
            is Camera -> listOf(draft?.text)
            is Types -> listOf(draft.text)
            is Submit -> listOf(draft.text)
            is PlaceOf -> listOf(draft.text)
            is Sent -> listOf(item.text)
            is Item -> listOf(item.text)
            is TaskPage -> listOf(task.text)
            is TaskCamera -> listOf(task.text, answer.name)
            is Activity -> listOf(draft?.text)
            is ReviseActivity -> listOf(record.text)
            is Map -> listOf(task?.text)
            Today, Queue, Tasks, Months, History, Me, Storage, NetworkRules, Battery, Users, Export, Look, Licences, Update, Pin, Finger, Enrol -> emptyList()
        }
        return (listOf(javaClass.simpleName) + parts.filterNotNull()).joinToString(" ")
    }

    companion object {
        // Not before the first use: the objects are made after their class.
        private val PLAIN by lazy {
            listOf(Today, Queue, Tasks, Months, History, Me, Storage, NetworkRules, Battery, Users, Export, Look, Licences, Update, Pin, Finger, Enrol)
        }

        /** The route of a saved text; null for a text of another version. */
        fun of(text: String): Route? {
            val parts = text.split(' ')
            val first = parts.getOrNull(1)
            val name = parts[0]
            PLAIN.firstOrNull { it.javaClass.simpleName == name }?.let { return it }
            return when (name) {
                "Camera" -> Camera(first?.let(::EntryKey))
                "Types" -> first?.let { Types(EntryKey(it)) }
                "Submit" -> first?.let { Submit(EntryKey(it)) }
                "PlaceOf" -> first?.let { PlaceOf(EntryKey(it)) }
                "Sent" -> first?.let { Sent(EntryKey(it)) }
                "Item" -> first?.let { Item(EntryKey(it)) }
                "TaskPage" -> first?.let { TaskPage(TaskKey(it)) }
                "TaskCamera" -> parts.getOrNull(2)?.let { answer -> Answer.entries.firstOrNull { it.name == answer } }
                    ?.let { TaskCamera(TaskKey(parts[1]), it) }
                "Map" -> Map(first?.let(::TaskKey))
                "Activity" -> Activity(first?.let(::EntryKey))
                "ReviseActivity" -> first?.let { ReviseActivity(RecordKey(it)) }
                else -> null
            }
        }
    }
}
