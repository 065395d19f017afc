package cn.xunge.app.platform

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import cn.xunge.core.Algorithm
import cn.xunge.core.Keys
import cn.xunge.core.ServiceException
import cn.xunge.core.StreamId
import java.io.File
import java.io.FileOutputStream
import java.security.KeyPairGenerator
import java.security.KeyStore
import java.security.PrivateKey
import java.security.SecureRandom
import java.security.Signature
import java.security.spec.ECGenParameterSpec
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * All keys of the phone. Signing keys (ES256) never leave the keystore. The keys of databases and photos are 32 random
 * bytes in a file of [folder], sealed by a key that never leaves it either: the keystore is too slow to encrypt each page
 * of a database.
 *
 * Nothing here depends on the app's lock or the screen's: a sync at night needs the keys.
 */
class AppKeys(private val folder: File) : Keys {
    private val store: KeyStore by lazy { KeyStore.getInstance(PROVIDER).apply { load(null) } }

    override fun databaseKey(home: String) = sealed(home, "database")

    override fun photoKey(home: String) = sealed(home, "photos")

    override fun algorithm() = Algorithm.ES256

    override fun publicKey(home: String, stream: StreamId): ByteArray {
        val alias = alias(home, "sign.${stream.text}")
        synchronized(this) {
            if (!store.containsAlias(alias)) newSigningKey(alias)
            val certificate = store.getCertificate(alias) ?: throw ServiceException.Failed("no certificate")
            return certificate.publicKey.encoded
        }
    }

    /** Android gives DER; the core converts it. */
    override fun sign(home: String, stream: StreamId, message: ByteArray): ByteArray {
        val key = store.getKey(alias(home, "sign.${stream.text}"), null) as? PrivateKey ?: throw ServiceException.Failed("no key")
        return Signature.getInstance("SHA256withECDSA").run {
            initSign(key)
            update(message)
            sign()
        }
    }

    override fun forget(home: String) {
        val mine = alias(home, "")
        synchronized(this) {
            store.aliases().toList().filter { it.startsWith(mine) }.forEach { store.deleteEntry(it) }
            folder.listFiles()?.filter { it.name.startsWith(mine) }?.forEach { it.delete() }
        }
    }

    /** The 32 bytes of this home and purpose, made at the first call. */
    private fun sealed(home: String, purpose: String): ByteArray = synchronized(this) {
        val file = File(folder, alias(home, purpose))
        if (file.isFile) unseal(home, file.readBytes()) else seal(home, file)
    }

    private fun seal(home: String, file: File): ByteArray {
        val key = ByteArray(KEY_BYTES).also { SecureRandom().nextBytes(it) }
        val cipher = Cipher.getInstance(SEALING).apply { init(Cipher.ENCRYPT_MODE, sealingKey(home)) }
        val bytes = cipher.iv + cipher.doFinal(key)
        folder.mkdirs()
        val fresh = File(folder, "${file.name}.new")
        // A database whose key is lost is lost: the key is on the disk before anything is written with it.
        FileOutputStream(fresh).use {
            it.write(bytes)
            it.fd.sync()
        }
        if (!fresh.renameTo(file)) throw ServiceException.Failed("cannot keep a key")
        return key
    }

    private fun unseal(home: String, bytes: ByteArray): ByteArray {
        val spec = GCMParameterSpec(TAG_BITS, bytes, 0, IV_BYTES)
        val cipher = Cipher.getInstance(SEALING).apply { init(Cipher.DECRYPT_MODE, sealingKey(home), spec) }
        return cipher.doFinal(bytes, IV_BYTES, bytes.size - IV_BYTES)
    }

    private fun sealingKey(home: String): SecretKey {
        val alias = alias(home, "seal")
        (store.getKey(alias, null) as? SecretKey)?.let { return it }
        val spec = KeyGenParameterSpec.Builder(alias, KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .setKeySize(KEY_BYTES * 8)
            .build()
        return KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, PROVIDER).apply { init(spec) }.generateKey()
    }

    private fun newSigningKey(alias: String) {
        val spec = KeyGenParameterSpec.Builder(alias, KeyProperties.PURPOSE_SIGN)
            .setAlgorithmParameterSpec(ECGenParameterSpec("secp256r1"))
            .setDigests(KeyProperties.DIGEST_SHA256)
            .build()
        KeyPairGenerator.getInstance(KeyProperties.KEY_ALGORITHM_EC, PROVIDER).apply { initialize(spec) }.generateKeyPair()
    }

    /** Homes are told apart by the last two parts of their path: the app's folder may move with the phone's storage. */
    private fun alias(home: String, purpose: String): String {
        val parts = File(home).run { listOf(parentFile?.name.orEmpty(), name) }
        return "xunge." + parts.joinToString("-") { it.replace(Regex("[^A-Za-z0-9_-]"), "_") } + "." + purpose
    }

    private companion object {
        const val PROVIDER = "AndroidKeyStore"
        const val SEALING = "AES/GCM/NoPadding"
        const val KEY_BYTES = 32
        const val IV_BYTES = 12
        const val TAG_BITS = 128
    }
}
