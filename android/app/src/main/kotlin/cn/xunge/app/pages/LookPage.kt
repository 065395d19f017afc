package cn.xunge.app.pages

import android.app.Activity
import cn.xunge.app.R
import cn.xunge.app.kit.Caption
import cn.xunge.app.kit.RadioCard
import cn.xunge.app.kit.Screen
import cn.xunge.app.shell.Choices
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Shade
import cn.xunge.app.shell.Tongue
import cn.xunge.app.shell.XungeApp

data class LookState(val tongue: Tongue, val shade: Shade)

/** 语言和深色: both take effect at the press. */
class LookPage(host: Host, private val choices: Choices = XungeApp.of(host.context).choices) : Page<LookState>(host) {
    override suspend fun follow(show: (LookState) -> Unit) = show(LookState(choices.tongue, choices.shade))

    override fun build(state: LookState): Screen = Screen(context).apply {
        title(text(R.string.look_title), host::back)
        column.add(Caption(context)).text = text(R.string.look_language)
        // A language is named in itself: who cannot read the other one finds it.
        val tongues = listOf(text(R.string.look_system) to text(R.string.look_language_system), "中文" to null, "English" to null)
        column.add(RadioCard(context, tongues, state.tongue.ordinal) { at -> put { tongue = Tongue.entries[at] } })
        column.add(Caption(context)).text = text(R.string.look_theme)
        val shades = listOf(text(R.string.look_system) to text(R.string.look_theme_system), text(R.string.look_light) to null, text(R.string.look_dark) to text(R.string.look_dark_hint))
        column.add(RadioCard(context, shades, state.shade.ordinal) { at -> put { shade = Shade.entries[at] } })
    }

    /** The activity is made again in the new language or theme; the way back is kept. */
    private fun put(edit: Choices.() -> Unit) {
        choices.edit()
        (context as? Activity)?.recreate()
    }
}

/** What is chosen, as a row says it. */
internal fun lookWords(text: (Int) -> String, tongue: Tongue, shade: Shade): String {
    val chosen = listOfNotNull(
        when (tongue) {
            Tongue.SYSTEM -> null
            Tongue.CHINESE -> "中文"
            Tongue.ENGLISH -> "English"
        },
        when (shade) {
            Shade.SYSTEM -> null
            Shade.LIGHT -> text(R.string.look_light)
            Shade.DARK -> text(R.string.look_dark)
        },
    )
    return if (chosen.isEmpty()) text(R.string.me_language_sub) else chosen.joinToString(" · ")
}
