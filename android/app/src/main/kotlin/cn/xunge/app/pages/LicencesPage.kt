package cn.xunge.app.pages

import cn.xunge.app.R
import cn.xunge.app.kit.Caption
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import kotlinx.coroutines.withContext
import java.io.FileNotFoundException

/** @param full the licences in full; null for a build without them, which lists its libraries */
data class LicencesState(val full: String?)

/** 开源许可. */
class LicencesPage(host: Host) : Page<LicencesState>(host) {
    override suspend fun follow(show: (LicencesState) -> Unit) = show(LicencesState(withContext(host.session.io) { full() }))

    private fun full(): String? = try {
        context.assets?.open("licences.txt")?.use { it.readBytes().decodeToString() }
    } catch (absent: FileNotFoundException) {
        null
    }

    override fun build(state: LicencesState): Screen = Screen(context).apply {
        title(text(R.string.licences_title), host::back)
        if (state.full != null) {
            // A paragraph each: one text of a hundred pages would be laid out as a whole.
            state.full.split("\n\n").filter { it.isNotBlank() }.forEach { part -> column.add(Label(context, Size.CAPTION)).text = part }
            return@apply
        }
        column.add(Card(context)).add(Label(context)).text = text(R.string.licences_says)
        column.add(Caption(context)).text = text(R.string.licences_app)
        column.add(RowCard(context)).apply { for ((name, licence) in APP) row(RowModel(name, sub = licence)) }
    }

    private companion object {
        /** What the app itself is linked with (android/core/pom.xml, android/app/pom.xml, Cargo.toml of the bindings). */
        val APP = listOf(
            "Kotlin standard library" to "Apache-2.0",
            "kotlinx.coroutines" to "Apache-2.0",
            "Java Native Access (JNA)" to "Apache-2.0 or LGPL-2.1-or-later",
            "UniFFI" to "MPL-2.0",
        )
    }
}
