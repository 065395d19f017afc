package cn.xunge.app.platform

import cn.xunge.app.FakeAndroidKeyStore
import cn.xunge.app.XungeRunner
import cn.xunge.core.Algorithm
import cn.xunge.ids.StreamKey
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import java.io.File
import java.security.KeyFactory
import java.security.Signature
import java.security.spec.X509EncodedKeySpec

@RunWith(XungeRunner::class)
class AppKeysTest {
    @get:Rule
    val temporary = TemporaryFolder()

    private val folder: File get() = File(temporary.root, "keys")
    private val stream = StreamKey("01JB4Z9M6Q4YQ7N0V5T2C8R3XE")

    @Before
    fun store() = FakeAndroidKeyStore.install()

    @Test
    fun `the same keys come after a restart`() {
        val before = AppKeys(folder)
        val after = AppKeys(folder)
        assertArrayEquals(before.databaseKey(HOME), after.databaseKey(HOME))
        assertArrayEquals(before.photoKey(HOME), after.photoKey(HOME))
        assertArrayEquals(before.publicKey(HOME, stream), after.publicKey(HOME, stream))
        assertEquals(32, after.databaseKey(HOME).size)
        assertFalse("each purpose has a key of its own", after.databaseKey(HOME).contentEquals(after.photoKey(HOME)))
    }

    @Test
    fun `the same keys come when the storage of the phone moved`() {
        val before = AppKeys(folder).databaseKey("/data/user/0/cn.xunge.app/files/handset/users/1")
        assertArrayEquals(before, AppKeys(folder).databaseKey("/mnt/expand/7/user/0/cn.xunge.app/files/handset/users/1"))
    }

    @Test
    fun `another home and another stream have other keys`() {
        val keys = AppKeys(folder)
        assertFalse(keys.databaseKey(HOME).contentEquals(keys.databaseKey(OTHER)))
        assertFalse(keys.photoKey(HOME).contentEquals(keys.photoKey(OTHER)))
        assertFalse(keys.publicKey(HOME, stream).contentEquals(keys.publicKey(OTHER, stream)))
        assertFalse(keys.publicKey(HOME, stream).contentEquals(keys.publicKey(HOME, StreamKey("01JB4Z9M6Q4YQ7N0V5T2C8R3XF"))))
    }

    @Test
    fun `a signature verifies with the public key and with no other`() {
        val keys = AppKeys(folder)
        val message = "签到 07:02".toByteArray()
        val signature = keys.run { publicKey(HOME, stream).let { sign(HOME, stream, message) } }
        assertEquals(Algorithm.ES256, keys.algorithm())
        assertTrue(verifies(keys.publicKey(HOME, stream), message, signature))
        assertFalse(verifies(keys.publicKey(OTHER, stream), message, signature))
        assertFalse(verifies(keys.publicKey(HOME, stream), message + 0, signature))
    }

    @Test
    fun `no signature without a key, and none is made for it`() {
        assertTrue(runCatching { AppKeys(folder).sign(HOME, stream, byteArrayOf(1)) }.isFailure)
        assertTrue(FakeAndroidKeyStore.pairs.isEmpty())
    }

    @Test
    fun `forgotten keys are gone, and those of another home are not`() {
        val keys = AppKeys(folder)
        val database = keys.databaseKey(HOME)
        val public = keys.publicKey(HOME, stream)
        val others = keys.databaseKey(OTHER)
        val otherPublic = keys.publicKey(OTHER, stream)
        keys.forget(HOME)
        assertTrue(runCatching { keys.sign(HOME, stream, byteArrayOf(1)) }.isFailure)
        assertFalse(database.contentEquals(keys.databaseKey(HOME)))
        assertFalse(public.contentEquals(keys.publicKey(HOME, stream)))
        assertArrayEquals(others, keys.databaseKey(OTHER))
        assertArrayEquals(otherPublic, keys.publicKey(OTHER, stream))
    }

    @Test
    fun `home 1 is forgotten without home 10`() {
        val keys = AppKeys(folder)
        val ten = keys.databaseKey(HOME + "0")
        keys.databaseKey(HOME)
        keys.forget(HOME)
        assertArrayEquals(ten, keys.databaseKey(HOME + "0"))
    }

    @Test
    fun `a sealed key that is cut short or changed fails and is not replaced`() {
        AppKeys(folder).databaseKey(HOME)
        val file = folder.listFiles()!!.single()
        val whole = file.readBytes()
        val changed = whole.clone().also { it[it.size - 1] = (it[it.size - 1] + 1).toByte() }
        for (broken in listOf(whole.copyOf(whole.size - 1), whole.copyOf(5), ByteArray(0), changed)) {
            file.writeBytes(broken)
            assertTrue("${broken.size} bytes", runCatching { AppKeys(folder).databaseKey(HOME) }.isFailure)
            assertArrayEquals(broken, file.readBytes())
        }
    }

    @Test
    fun `what is on the disk is not the key`() {
        val key = AppKeys(folder).databaseKey(HOME)
        val bytes = folder.listFiles()!!.single().readBytes()
        assertEquals(-1, String(bytes, Charsets.ISO_8859_1).indexOf(String(key, Charsets.ISO_8859_1)))
    }

    private fun verifies(public: ByteArray, message: ByteArray, signature: ByteArray): Boolean =
        Signature.getInstance("SHA256withECDSA").run {
            initVerify(KeyFactory.getInstance("EC").generatePublic(X509EncodedKeySpec(public)))
            update(message)
            verify(signature)
        }

    private companion object {
        const val HOME = "/data/user/0/cn.xunge.app/files/handset/users/1"
        const val OTHER = "/data/user/0/cn.xunge.app/files/handset/users/2"
    }
}
