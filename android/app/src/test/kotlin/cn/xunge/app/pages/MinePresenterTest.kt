package cn.xunge.app.pages

import cn.xunge.app.XungeRunner
import cn.xunge.core.Contact
import cn.xunge.core.Handset
import cn.xunge.core.Item
import cn.xunge.core.ItemContent
import cn.xunge.core.ItemState
import cn.xunge.core.NetworkSettings
import cn.xunge.core.NoHandle
import cn.xunge.core.Phone
import cn.xunge.core.PhoneUser
import cn.xunge.core.QueueRow
import cn.xunge.core.Today
import cn.xunge.core.Withdrawal
import cn.xunge.ids.EntryKey
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.emptyFlow
import kotlinx.coroutines.flow.flowOf
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

/** What the presenters behind 我的 promise. */
@RunWith(XungeRunner::class)
class MinePresenterTest {
    private open class OneItem(val row: QueueRow) : Handset(NoHandle) {
        var withdrawn: String? = null
        var refuses = false

        override fun today(): Today = Scene.today

        override fun drafts(): List<QueueRow> = emptyList()

        override fun networkSettings() = Scene.rules

        override fun heldBack(): cn.xunge.core.Why? = null

        override fun item(id: EntryKey) = Item(row, ItemContent.Check(""), null, emptyList(), null, null, emptyList())

        override fun withdraw(id: EntryKey, reason: String): Withdrawal {
            if (refuses) throw refusedBy("item.not_cancellable")
            withdrawn = reason
            return Withdrawal.Cancelled
        }
    }

    @Test
    fun `a withdrawal goes with its reason and leads back to the item`() {
        val handset = OneItem(Scene.sending)
        val presenter = ItemPresenter(handset, Scene.sending.id, emptyFlow(), Dispatchers.IO)
        presenter.ask(ItemAct.WITHDRAWING)
        presenter.states.await { it.it?.act == ItemAct.WITHDRAWING }
        assertEquals(Withdrawal.Cancelled, runBlocking { presenter.withdraw("报重了") })
        assertEquals("报重了", handset.withdrawn)
        presenter.states.await { it.it?.act == ItemAct.READING }
    }

    @Test
    fun `a withdrawal that is refused says why and keeps what was typed`() {
        val handset = OneItem(Scene.sending).apply { refuses = true }
        val presenter = ItemPresenter(handset, Scene.sending.id, emptyFlow(), Dispatchers.IO)
        presenter.ask(ItemAct.WITHDRAWING)
        presenter.states.await { it.it != null }
        assertNull(runBlocking { presenter.withdraw("报重了") })
        val state = presenter.states.await { it.why != null }
        assertEquals("item.not_cancellable", state.why?.code)
        assertEquals(ItemAct.WITHDRAWING, state.it?.act)
    }

    @Test
    fun `only a returned item can be revised`() {
        fun view(state: ItemState) = ItemView(Scene.sending.copy(state = state), null, ItemContent.Unknown, null, null, emptyList(), Scene.now)
        assertTrue(view(ItemState.RETURNED).isMendable)
        assertFalse(view(ItemState.RECEIVED).isMendable)
    }

    @Test
    fun `a user whose home does not open does not become the current one`() {
        var switched = false
        val phone = object : Phone(NoHandle) {
            override fun users(): List<PhoneUser> = emptyList()

            override fun contact(): Contact? = null

            override fun openUser(number: UInt): Handset = throw refusedBy("store.quarantined")

            override fun switchTo(number: UInt) {
                switched = true
            }
        }
        val presenter = UsersPresenter(phone, flowOf(null), Dispatchers.IO)
        assertNull(runBlocking { presenter.switchTo(2u) })
        assertFalse(switched)
        assertEquals("store.quarantined", presenter.states.await { it.why != null }.why?.code)
    }

    @Test
    fun `rules that are refused are told`() {
        val handset = object : Handset(NoHandle) {
            override fun networkSettings() = NetworkSettings(true, true, true, false, false, null, 5u)

            override fun dataUse() = Scene.data

            override fun setNetworkSettings(settings: NetworkSettings) = throw refusedBy()
        }
        val presenter = RulesPresenter(handset, emptyFlow(), Dispatchers.IO)
        assertFalse(runBlocking { presenter.set(handset.networkSettings().copy(sync = false)) })
        assertNotNull(presenter.states.await { it.why != null && it.it != null })
    }
}
