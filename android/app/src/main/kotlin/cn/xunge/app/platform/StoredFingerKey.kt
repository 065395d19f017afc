package cn.xunge.app.platform

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import cn.xunge.app.lock.FingerKey
import java.security.GeneralSecurityException
import java.security.KeyStore
import java.security.ProviderException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/** A key in the keystore for the fingerprint alone. The keys of the stores are others ([AppKeys]). */
class StoredFingerKey : FingerKey {
    private val store: KeyStore by lazy { KeyStore.getInstance(PROVIDER).apply { load(null) } }

    override fun toWrite(): Cipher? = attempt {
        val spec = KeyGenParameterSpec.Builder(ALIAS, KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .setUserAuthenticationRequired(true)
            .setInvalidatedByBiometricEnrollment(true)
            .build()
        val key = KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, PROVIDER).apply { init(spec) }.generateKey()
        Cipher.getInstance(CIPHER).apply { init(Cipher.ENCRYPT_MODE, key) }
    }

    override fun toRead(iv: ByteArray): Cipher? = attempt {
        val key = store.getKey(ALIAS, null) as? SecretKey
        key?.let { Cipher.getInstance(CIPHER).apply { init(Cipher.DECRYPT_MODE, it, GCMParameterSpec(TAG_BITS, iv)) } }
    }

    override fun drop() {
        attempt { store.deleteEntry(ALIAS) }
    }

    /** A key that was destroyed is refused (`KeyPermanentlyInvalidatedException`); some makers' keystores fail otherwise. */
    private fun <T> attempt(call: () -> T): T? = try {
        call()
    } catch (gone: GeneralSecurityException) {
        null
    } catch (broken: ProviderException) {
        null
    } catch (unlocked: IllegalStateException) {
        null
    }

    companion object {
        const val ALIAS = "xunge-lock-finger"
        private const val PROVIDER = "AndroidKeyStore"
        private const val CIPHER = "AES/GCM/NoPadding"
        private const val TAG_BITS = 128
    }
}
