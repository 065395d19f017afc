package cn.xunge.app.pages

import android.content.Context
import android.view.View
import android.view.ViewGroup
import android.widget.BaseAdapter
import android.widget.ListView
import cn.xunge.app.R
import cn.xunge.app.kit.Caption
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.tokens
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import kotlinx.coroutines.withContext
import java.io.FileNotFoundException

/** Paragraphs of texts that are broken at 80 characters: full lines flow into the next, rulers are left out, lists keep their lines. */
internal fun paragraphs(text: String): List<String> = text.split("\n\n").mapNotNull { part ->
    val lines = part.lines().map { it.trimEnd() }.filter { line -> line.isNotBlank() && !line.all { it == '=' || it == '-' } }
    val isList = lines.all { it.startsWith("  ") && ": " in it }
    val flowing = StringBuilder()
    lines.forEachIndexed { at, line ->
        val isFull = !isList && at > 0 && lines[at - 1].length > FULL
        if (at > 0) flowing.append(if (isFull) ' ' else '\n')
        flowing.append(line.trim())
    }
    flowing.toString().ifEmpty { null }
}

private const val FULL = 55

/** A view for each paragraph that is on the screen: there are a thousand. */
private class Paragraphs(private val context: Context, private val parts: List<String>) : BaseAdapter() {
    override fun getCount() = parts.size

    override fun getItem(at: Int) = parts[at]

    override fun getItemId(at: Int) = at.toLong()

    override fun areAllItemsEnabled() = false

    override fun isEnabled(at: Int) = false

    override fun getView(at: Int, used: View?, into: ViewGroup): View =
        (used as? Label ?: Label(context, Size.CAPTION).apply { setPadding(0, tokens.dp(6), 0, tokens.dp(6)) }).apply { text = parts[at] }

    companion object {
        fun list(context: Context, parts: List<String>) = ListView(context).apply {
            id = R.id.row_list
            divider = null
            dividerHeight = 0
            clipToPadding = false
            val side = tokens.dp(16)
            setPadding(side, tokens.dp(8), side, side)
            scrollBarStyle = View.SCROLLBARS_OUTSIDE_OVERLAY
            adapter = Paragraphs(context, parts)
        }
    }
}

/** @param full the licences in full; null for a build without them, which lists its libraries */
data class LicencesState(val full: String?)

/** What `cargo xtask android` wrote into the build; null without it. */
internal fun licences(context: Context): String? = try {
    context.assets?.open("licences.txt")?.use { it.readBytes().decodeToString() }
} catch (absent: FileNotFoundException) {
    null
}

/** 开源许可. */
class LicencesPage(host: Host) : Page<LicencesState>(host) {
    override suspend fun follow(show: (LicencesState) -> Unit) = show(LicencesState(withContext(host.session.io) { licences(context) }))

    override fun build(state: LicencesState): Screen = Screen(context).apply {
        title(text(R.string.licences_title), host::back)
        if (state.full != null) {
            body(Paragraphs.list(context, paragraphs(state.full)))
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
