package cn.xunge.app.pages

import cn.xunge.app.XungeRunner
import cn.xunge.core.CancelToken
import cn.xunge.core.Exported
import cn.xunge.core.ExportListener
import cn.xunge.core.Handset
import cn.xunge.core.NoHandle
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.emptyFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.IOException
import java.io.OutputStream

@RunWith(XungeRunner::class)
class ExportTest {
    @get:Rule
    val temporary = TemporaryFolder()

    private val parcel = ByteArray(700_000) { (it * 31).toByte() }
    private val handset = object : Handset(NoHandle) {
        override fun today() = Scene.today

        override fun exportParcels(file: String, cancel: CancelToken, listener: ExportListener): Exported {
            File(file).writeBytes(parcel)
            return Exported(1UL, 2UL, 1UL, 4UL, 0UL)
        }
    }
    private val presenter by lazy { ExportPresenter(handset, emptyFlow(), File(temporary.root, "export"), Dispatchers.IO) }

    private fun sealing() = presenter.states.await { it.it != null }.it!!.sealing

    private fun kept() = File(temporary.root, "export").listFiles().orEmpty()

    @Test
    fun `the sealed file goes where the person chose and leaves nothing behind`() = runBlocking {
        assertEquals("xunge-20260923-102400.xgp", presenter.export())
        assertEquals(Placed.Here, sealing().placed)
        val there = ByteArrayOutputStream()
        presenter.place("unit.xgp", { there })
        assertArrayEquals(parcel, there.toByteArray())
        assertEquals(Placed.There("unit.xgp"), sealing().placed)
        assertTrue(kept().isEmpty())
    }

    @Test
    fun `a place that is full says so and the sealed file is kept for another`() = runBlocking {
        presenter.export()
        presenter.place("full.xgp", {
            object : OutputStream() {
                override fun write(byte: Int) = throw IOException("full")
            }
        })
        assertEquals(Placed.Failed, sealing().placed)
        assertArrayEquals(parcel, kept().single().readBytes())
        presenter.place("gone.xgp", { null })
        assertEquals(Placed.Failed, sealing().placed)
        presenter.place("other.xgp", { ByteArrayOutputStream() })
        assertEquals(Placed.There("other.xgp"), sealing().placed)
        assertFalse(kept().any())
    }

    @Test
    fun `a copy that is stopped leaves nothing there and can be made again`() = runBlocking {
        presenter.export()
        var dropped = 0
        val copying = launch(start = CoroutineStart.LAZY) {
            val slow = object : OutputStream() {
                override fun write(byte: Int) = Unit

                override fun write(bytes: ByteArray, from: Int, length: Int) = coroutineContext.cancel()
            }
            presenter.place("half.xgp", { slow }, { dropped++ })
        }
        copying.join()
        assertEquals(1, dropped)
        assertEquals(Placed.Here, sealing().placed)
        presenter.place("whole.xgp", { ByteArrayOutputStream() }, { dropped++ })
        assertEquals(Placed.There("whole.xgp"), sealing().placed)
        assertEquals(1, dropped)
    }

    @Test
    fun `the copy tells how far it is`() = runBlocking {
        presenter.export()
        val seen = ArrayList<Placed>()
        presenter.place("unit.xgp", {
            object : OutputStream() {
                override fun write(byte: Int) = Unit

                override fun write(bytes: ByteArray, from: Int, length: Int) {
                    seen += sealing().placed
                }
            }
        })
        assertEquals(listOf(0L, 262_144L, 524_288L).map { Placed.Copying(it, 700_000) }, seen)
    }
}
