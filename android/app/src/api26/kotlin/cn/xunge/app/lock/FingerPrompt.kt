package cn.xunge.app.lock

import android.content.Context
import javax.crypto.Cipher

/** Stands in for `src/newer` while the app is compiled against API 26. It is never shipped. */
@Suppress("UNUSED_PARAMETER")
internal object FingerPrompt {
    fun ability(context: Context): Ability = Ability.TOO_OLD

    fun ask(context: Context, title: CharSequence, pin: CharSequence, cipher: Cipher, answer: (FingerAnswer) -> Unit) = answer(FingerAnswer.Closed)
}
