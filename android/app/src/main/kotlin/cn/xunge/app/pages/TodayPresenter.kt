package cn.xunge.app.pages

import cn.xunge.client.why
import cn.xunge.core.AppUpdate
import cn.xunge.core.FieldTask
import cn.xunge.core.Fix
import cn.xunge.core.HandsetInterface
import cn.xunge.core.Place
import cn.xunge.core.PointE7
import cn.xunge.core.Position
import cn.xunge.core.ScreenChanges
import cn.xunge.core.Today
import cn.xunge.core.Why
import cn.xunge.core.Words
import cn.xunge.core.XungeException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.filterNotNull
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onStart
import kotlinx.coroutines.withContext

/** A task of the home screen: [distance] is null without a fix. */
data class TaskLine(val task: FieldTask, val distance: Words?)

/**
 * Where the handset is.
 *
 * @param place what the grid says; null while no fix has come
 * @param fix the newest fix; null while none has come since the page was opened
 * @param lastAgeMs age of the last fix that was used, while the place is sought
 */
data class Here(val place: Place?, val fix: Position?, val lastAgeMs: Long?, val judged: Fix? = null)

/** The home screen (今日): am I on duty, what waits and until when, has everything arrived, which cell am I in. */
data class TodayState(
    val today: Today,
    val tasks: List<TaskLine>,
    val here: Here,
    val online: Boolean,
    /** Why the last press did nothing. */
    val refused: Why?,
    /** Android may stop the app to save power, and nobody was told so far. */
    val offersBattery: Boolean = false,
    /** A newer app that is here, or that the server asks for. */
    val update: AppUpdate? = null,
    /** The person switched syncing off. */
    val isSyncOff: Boolean = false,
) {
    /** Hours since the centre was last heard of; null: less than what one need not care about, or never. */
    val silentHours: Int?
        get() = today.lastContact?.let { (today.now.millis - it.millis) / HOUR_MS }?.takeIf { it >= SILENT_HOURS }?.toInt()

    private companion object {
        const val HOUR_MS = 3_600_000L

        /** Half a shift. */
        const val SILENT_HOURS = 4
    }
}

/**
 * @param online whether the phone has a network at all
 * @param newer the newer app, if there is one
 * @param isSyncOff whether the person switched syncing off
 * @param offersBattery whether the page about saving power is to be offered to a person on duty
 */
class TodayPresenter(
    private val handset: HandsetInterface,
    private val changes: Flow<ScreenChanges>,
    private val fixes: Flow<Position>,
    private val online: () -> Boolean,
    private val io: CoroutineDispatcher,
    private val newer: () -> AppUpdate? = { null },
    private val isSyncOff: () -> Boolean = { false },
    private val offersBattery: () -> Boolean = { false },
) {
    private val refused = MutableStateFlow<Why?>(null)
    private val here = MutableStateFlow(Here(null, null, null))

    val states: Flow<TodayState> =
        combine(changes.map {}.onStart { emit(Unit) }, located(), refused) { _, here, why -> readable(here, why) }
            .filterNotNull()
            .flowOn(io)

    private var last: TodayState? = null

    /** A reading that the core refuses leaves what was read before; without any the page waits for the next. */
    private fun readable(here: Here, why: Why?): TodayState? = try {
        read(here, why).also { last = it }
    } catch (failed: XungeException) {
        last?.copy(here = here, refused = failed.why)
    }

    private fun located(): Flow<Here> = handset.located(fixes).map { it.also { here.value = it } }

    private fun read(here: Here, why: Why?): TodayState {
        val open = handset.tasks().filter { it.answered == null }
        val today = handset.today()
        return TodayState(
            today = today,
            tasks = open.take(SHOWN).map { TaskLine(it, distance(it, here.fix?.point)) },
            here = here,
            online = online(),
            refused = why,
            offersBattery = today.isOnDuty && offersBattery(),
            isSyncOff = isSyncOff(),
            update = newer()?.takeIf { it.isRequired || it.`package` != null },
        )
    }

    private fun distance(task: FieldTask, from: PointE7?): Words? = from?.let { handset.distanceTo(task.id, it)?.words }

    suspend fun checkIn() = act { handset.checkIn(here.value.fix, "") }

    suspend fun checkOut() = act { handset.checkOut(here.value.fix, "") }

    private suspend fun act(call: () -> Unit) = withContext(io) {
        refused.value = try {
            call()
            null
        } catch (failed: XungeException) {
            failed.why
        }
    }

    private companion object {
        /** Tasks on the home screen; the others are a press away. */
        const val SHOWN = 3
    }
}
