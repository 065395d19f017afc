package cn.xunge.app

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertNull
import org.junit.Test
import org.junit.runner.RunWith
import java.security.KeyStore
import javax.crypto.Cipher
import javax.crypto.KeyGenerator

@RunWith(XungeRunner::class)
class FakeAndroidKeyStoreTest {
    @Test
    fun `a key that was made is found by its alias and encrypts, and is gone with the next test`() {
        FakeAndroidKeyStore.install()
        val spec = KeyGenParameterSpec.Builder("a", KeyProperties.PURPOSE_ENCRYPT).setBlockModes(KeyProperties.BLOCK_MODE_GCM).build()
        val made = KeyGenerator.getInstance("AES", "AndroidKeyStore").apply { init(spec) }.generateKey()
        val store = KeyStore.getInstance("AndroidKeyStore").apply { load(null) }
        assertArrayEquals(made.encoded, store.getKey("a", null).encoded)
        Cipher.getInstance("AES/GCM/NoPadding").apply { init(Cipher.ENCRYPT_MODE, made) }.doFinal(byteArrayOf(1))
        FakeAndroidKeyStore.install()
        assertNull(store.getKey("a", null))
    }
}
