package cn.xunge.conformance

import cn.xunge.core.Algorithm
import cn.xunge.core.ClockRaw
import cn.xunge.core.Clocks
import cn.xunge.core.Connectivity
import cn.xunge.core.Keys
import cn.xunge.core.Power
import cn.xunge.core.Services
import cn.xunge.core.StreamId
import cn.xunge.core.Surroundings
import cn.xunge.ids.Moment
import java.io.File
import java.security.KeyFactory
import java.security.KeyPairGenerator
import java.security.SecureRandom
import java.security.Signature
import java.security.spec.ECGenParameterSpec
import java.security.spec.PKCS8EncodedKeySpec
import java.util.Base64
import java.util.Properties
import java.util.concurrent.atomic.AtomicInteger

/** The services of a phone. What is set in a `…Fails` is thrown by that service from then on. */
class FakePhone(keyFile: File) {
    val clocks = FakeClocks()
    val surroundings = FakeSurroundings()
    val keys = FakeKeys(keyFile)
    val services = Services(clocks, surroundings, keys)
}

/** The clocks of this machine. */
class FakeClocks : Clocks {
    private val boot = File("/proc/sys/kernel/random/boot_id").readText().trim()
    val readings = AtomicInteger()

    @Volatile
    var fails: Throwable? = null

    override fun read(): ClockRaw {
        readings.incrementAndGet()
        fails?.let { throw it }
        return ClockRaw(Moment(System.currentTimeMillis()), boot, System.nanoTime() / 1_000_000)
    }
}

/** A network and a battery that the test sets. */
class FakeSurroundings : Surroundings {
    val questions = AtomicInteger()

    @Volatile
    var fails: Throwable? = null

    @Volatile
    var network = Connectivity(online = true, metered = false, roaming = false)

    private fun <T> answer(value: T): T {
        questions.incrementAndGet()
        fails?.let { throw it }
        return value
    }

    override fun connectivity() = answer(network)
    override fun power() = answer(Power(low = false, charging = true))
    override fun isAttended() = answer(true)

    companion object {
        val FREE = Connectivity(online = true, metered = false, roaming = false)
        val METERED = Connectivity(online = true, metered = true, roaming = false)
        val OFFLINE = Connectivity(online = false, metered = false, roaming = false)
    }
}

/** A keystore in a file: EC keys of the JDK, as Android's keystore gives them (X.509 and DER). */
class FakeKeys(private val file: File) : Keys {
    @Volatile
    var fails: Throwable? = null

    /** The stream whose key was asked for last. */
    @Volatile
    var stream: StreamId? = null

    @Synchronized
    private fun entry(name: String, make: () -> ByteArray): ByteArray {
        fails?.let { throw it }
        val all = Properties()
        if (file.exists()) file.reader().use(all::load)
        val text = all.getProperty(name) ?: Base64.getEncoder().encodeToString(make()).also {
            all.setProperty(name, it)
            file.absoluteFile.parentFile.mkdirs()
            file.writer().use { out -> all.store(out, null) }
        }
        return Base64.getDecoder().decode(text)
    }

    private fun secret() = ByteArray(32).also { SecureRandom().nextBytes(it) }

    override fun databaseKey(home: String) = entry("database $home", ::secret)
    override fun photoKey(home: String) = entry("photos $home", ::secret)
    override fun algorithm() = Algorithm.ES256

    override fun publicKey(home: String, stream: StreamId): ByteArray {
        this.stream = stream
        val name = "sign $home ${stream.text}"
        val pair by lazy {
            KeyPairGenerator.getInstance("EC").apply { initialize(ECGenParameterSpec("secp256r1")) }.generateKeyPair()
        }
        entry("$name private") { pair.private.encoded }
        return entry("$name public") { pair.public.encoded }
    }

    override fun sign(home: String, stream: StreamId, message: ByteArray): ByteArray {
        val coded = entry("sign $home ${stream.text} private") { error("no such key") }
        val key = KeyFactory.getInstance("EC").generatePrivate(PKCS8EncodedKeySpec(coded))
        return Signature.getInstance("SHA256withECDSA").run {
            initSign(key)
            update(message)
            sign()
        }
    }

    @Synchronized
    override fun forget(home: String) {
        fails?.let { throw it }
        file.delete()
    }
}
