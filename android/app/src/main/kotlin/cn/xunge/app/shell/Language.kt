package cn.xunge.app.shell

import android.content.Context
import android.content.res.Configuration
import android.os.LocaleList
import cn.xunge.core.Lang
import java.util.Locale

/** The language that the core's words are wanted in: English where this context speaks it, else Chinese. */
fun Context.lang(): Lang = if (resources.configuration.locales[0].language == "en") Lang.EN else Lang.ZH

/** This context in the language and the theme that the person chose for the app. */
fun Context.chosen(choices: Choices = XungeApp.of(this).choices): Context {
    val (tag, shade) = choices.tongue.tag to choices.shade
    if (tag == null && shade == Shade.SYSTEM) return this
    // Only what differs from the phone: the size of the text stays the phone's.
    val change = Configuration().apply { fontScale = 0f }
    if (tag != null) change.setLocales(LocaleList(Locale.forLanguageTag(tag)))
    when (shade) {
        Shade.SYSTEM -> Unit
        Shade.LIGHT -> change.uiMode = Configuration.UI_MODE_NIGHT_NO
        Shade.DARK -> change.uiMode = Configuration.UI_MODE_NIGHT_YES
    }
    return checkNotNull(createConfigurationContext(change))
}
