package cn.xunge.app.pages

import cn.xunge.app.R
import cn.xunge.app.count
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.StateView
import cn.xunge.app.kit.Tone
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Opened
import cn.xunge.app.shell.Route
import cn.xunge.core.Contact
import cn.xunge.core.Handset
import cn.xunge.core.PhoneInterface
import cn.xunge.core.PhoneUser
import cn.xunge.core.UsersWork
import cn.xunge.core.Why
import cn.xunge.core.XungeException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.launch

/** What came of a press. */
enum class UsersDone { NOTHING, WORKING, SALVAGED, SALVAGE_WAITS }

/**
 * 谁在用.
 *
 * @param failed why the home of the current user cannot be opened
 * @param contact whom to call about it
 */
data class UsersState(val users: List<PhoneUser>, val failed: Why? = null, val done: UsersDone = UsersDone.NOTHING, val contact: Contact? = null)

/** @param failed why the current home cannot be opened, as it changes */
class UsersPresenter(private val phone: PhoneInterface, private val failed: Flow<Why?>, io: CoroutineDispatcher) {
    private val reader = Reader(io)
    private val done = MutableStateFlow(UsersDone.NOTHING)

    val states: Flow<Read<UsersState>> = combine(reader.states(failed) { UsersState(phone.users(), contact = phone.contact()) }, failed, done) { read, failed, done ->
        read.copy(it = read.it?.copy(failed = failed, done = done))
    }

    /** Opens a user's handset and makes him the current one; null: the state says why not, and nobody was switched. */
    suspend fun switchTo(number: UInt): Handset? = busy {
        reader.call {
            val handset = phone.openUser(number)
            try {
                phone.switchTo(number)
            } catch (failed: XungeException) {
                handset.end()
                throw failed
            }
            handset
        }
    }

    /** Hands over a damaged database. */
    suspend fun salvage(number: UInt) {
        val over = busy { reader.call { phone.salvage(number, null) } }
        done.value = when (over) {
            null -> UsersDone.NOTHING
            true -> UsersDone.SALVAGED
            false -> UsersDone.SALVAGE_WAITS
        }
        reader.again()
    }

    private suspend fun <R> busy(call: suspend () -> R): R {
        done.value = UsersDone.WORKING
        try {
            return call()
        } finally {
            done.value = UsersDone.NOTHING
        }
    }
}

/** The users of the phone; also what is shown when the home of the current one cannot be opened. */
class UsersPage(host: Host) : ReadPage<UsersState>(host, R.string.users_title) {
    private val presenter by lazy {
        host.session.run { UsersPresenter(phone, opened.map { (it as? Opened.Failed)?.why }, io) }
    }

    override fun states() = presenter.states

    override fun screen(state: UsersState): Screen = Screen(context).apply {
        val failed = state.failed
        title(text(R.string.users_title), if (failed == null) host::back else null)
        if (failed != null) column.add(EmptyState(context, R.drawable.ic_alert, text(R.string.users_failed), failed.words.here(), Tone.DANGER))
        said(state.done)?.let { mark -> column.add(Card(context, mark.tone)).add(StateView(context, size = Size.BODY)).show(mark) }
        column.add(RowCard(context)).apply {
            for (user in state.users) {
                val free = user.canTakeOver() && state.done != UsersDone.WORKING
                row(model(user, failed != null), if (free) ({ switch(user) }) else null)
                if (user.isSalvageDue) row(salvage()) { scope.launch { presenter.salvage(user.number) } }
            }
        }
        if (failed != null) state.contact?.let { column.add(callCard(context, it)) }
        column.add(Label(context, Size.CAPTION, R.color.text_muted)).text = text(R.string.users_note)
        if (failed == null) {
            second(text(R.string.users_add)) { host.go(Route.Enrol) }
        } else {
            primary(text(R.string.users_retry), R.drawable.ic_refresh) { scope.launch { host.session.open() } }
            second(text(R.string.users_add)) { host.go(Route.Enrol) }
        }
    }

    private fun said(done: UsersDone): Mark? = when (done) {
        UsersDone.NOTHING -> null
        UsersDone.WORKING -> Mark(R.drawable.ic_clock, Tone.INFO, text(R.string.users_working))
        UsersDone.SALVAGED -> Mark(R.drawable.ic_check, Tone.SUCCESS, text(R.string.users_salvaged))
        UsersDone.SALVAGE_WAITS -> Mark(R.drawable.ic_clock_alert, Tone.WARNING, text(R.string.users_salvage_waits))
    }

    private fun model(user: PhoneUser, failed: Boolean): RowModel {
        return RowModel(
            title = user.name ?: text(R.string.users_number, user.number.toInt()),
            lead = Lead.Tile(R.drawable.ic_user),
            state = if (user.condition == ENROLLED) null else Mark(R.drawable.ic_alert, Tone.WARNING, user.conditionWords.here()),
            sub = user.waiting?.let(::waiting),
            badge = if (user.isCurrent) Mark(R.drawable.ic_user_check, Tone.SUCCESS, text(R.string.users_current)).takeIf { !failed } else null,
            action = if (user.canTakeOver()) text(R.string.users_switch) else null,
        )
    }

    /** A home that cannot be opened can be salvaged, not used. */
    private fun PhoneUser.canTakeOver() = !isCurrent && condition == ENROLLED

    private fun waiting(work: UsersWork): String {
        val parts = listOf(
            work.entries to { number: Int -> text(R.string.waiting_items, number) },
            work.photos to { number: Int -> context.count(R.plurals.waiting_photos, number) },
            work.drafts to { number: Int -> context.count(R.plurals.drafts_kept, number) },
        ).filter { it.first > 0UL }
        if (parts.isEmpty()) return text(R.string.all_arrived)
        return parts.joinToString(" · ") { (number, words) -> words(number.toInt()) }
    }

    private fun salvage() = RowModel(
        text(R.string.users_salvage), Lead.Small(R.drawable.ic_shield_check, R.color.brand), sub = text(R.string.users_salvage_sub), chevron = true,
    )

    private fun switch(user: PhoneUser) {
        scope.launch {
            val handset = presenter.switchTo(user.number) ?: return@launch
            host.session.replace(handset)
            host.switch(cn.xunge.app.kit.Place.TODAY)
        }
    }

    private companion object {
        const val ENROLLED = "enrolled"
    }
}
