package cn.xunge.app.lock

import android.content.Context
import android.content.pm.PackageManager
import android.hardware.biometrics.BiometricManager
import android.hardware.biometrics.BiometricPrompt
import android.hardware.fingerprint.FingerprintManager
import android.os.Build
import android.os.CancellationSignal
import javax.crypto.Cipher

/** The system's dialog for a fingerprint, which Android 8 has not. As [cn.xunge.app.kit.Newer], with a stand-in for the check. */
internal object FingerPrompt {
    @Suppress("DEPRECATION") // The successors are newer than Android 9.
    fun ability(context: Context): Ability {
        if (Build.VERSION.SDK_INT < 28) return Ability.TOO_OLD
        if (!context.packageManager.hasSystemFeature(PackageManager.FEATURE_FINGERPRINT)) return Ability.NO_READER
        val isReady = when {
            Build.VERSION.SDK_INT >= 30 ->
                context.getSystemService(BiometricManager::class.java)?.canAuthenticate(BiometricManager.Authenticators.BIOMETRIC_STRONG) == BiometricManager.BIOMETRIC_SUCCESS
            else -> context.getSystemService(FingerprintManager::class.java)?.hasEnrolledFingerprints() == true
        }
        return if (isReady) Ability.READY else Ability.NONE_ENROLLED
    }

    /** Asks for a finger. [pin] is the word of the button that leads to the PIN; answers on the main thread. */
    fun ask(context: Context, title: CharSequence, pin: CharSequence, cipher: Cipher, answer: (FingerAnswer) -> Unit) {
        if (Build.VERSION.SDK_INT < 28) return answer(FingerAnswer.Closed)
        val executor = context.mainExecutor
        val callback = object : BiometricPrompt.AuthenticationCallback() {
            override fun onAuthenticationSucceeded(result: BiometricPrompt.AuthenticationResult) =
                answer(result.cryptoObject?.cipher?.let(FingerAnswer::Opened) ?: FingerAnswer.Closed)

            override fun onAuthenticationError(code: Int, words: CharSequence) =
                answer(if (code in QUIET) FingerAnswer.Closed else FingerAnswer.Failed(words.toString()))
        }
        BiometricPrompt.Builder(context)
            .setTitle(title)
            .setNegativeButton(pin, executor) { _, _ -> answer(FingerAnswer.Closed) }
            .build()
            .authenticate(BiometricPrompt.CryptoObject(cipher), CancellationSignal(), executor, callback)
    }

    /** Closed by the system, by the person. */
    private val QUIET = setOf(BiometricPrompt.BIOMETRIC_ERROR_CANCELED, BiometricPrompt.BIOMETRIC_ERROR_USER_CANCELED)
}
