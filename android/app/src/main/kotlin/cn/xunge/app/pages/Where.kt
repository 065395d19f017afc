package cn.xunge.app.pages

import android.content.Context
import cn.xunge.app.R
import cn.xunge.app.kit.PlaceLine
import cn.xunge.app.shell.lang
import cn.xunge.client.inLang
import cn.xunge.core.Cell
import cn.xunge.core.CellCode
import cn.xunge.core.Fix
import cn.xunge.core.Lang
import cn.xunge.core.Place
import cn.xunge.core.durationWords

/** The last parts of a cell's code, as people say it: `02-03-17`. */
internal fun Cell.short(): String = code.short()

internal fun CellCode.short(): String = text.takeLast(6).chunked(2).joinToString("-")

/** 「±6 米」. Unit: centimetres. */
internal fun accuracyWords(context: Context, accuracyCm: UInt): String = context.getString(R.string.place_accuracy, (accuracyCm.toInt() + 50) / 100)

/** What is wrong with a fix and what to do, as one text; null for a good one. */
internal fun Fix.doubt(context: Context): String? =
    doubts.joinToString(context.getString(R.string.spoken_comma)) { it.words.inLang(context.lang()) }.ifEmpty { null }

private fun Here.doubt(context: Context): String? = judged?.doubt(context)

/** Where the handset is, in a few words: the cell and how exact it is. */
internal fun Here.chip(context: Context): String {
    val accuracy = doubt(context) ?: fix?.let { accuracyWords(context, it.accuracyCm) }
    val words = when (val place = place) {
        null -> context.getString(R.string.place_seeking)
        // The long explanation is on the place line of the home screen.
        Place.NoGrid -> context.getString(if (fix == null) R.string.place_seeking else R.string.place_found)
        is Place.Outside -> context.getString(R.string.place_outside)
        is Place.In -> {
            val name = context.getString(R.string.cell_name, place.cell.short())
            if (fix == null) context.getString(R.string.place_last_unknown, name) else name
        }
    }
    return listOfNotNull(words, accuracy).joinToString(" · ")
}

/** Shows where the handset is on the line that always says so. */
internal fun PlaceLine.showPlace(lang: Lang, here: Here) {
    fun text(id: Int, vararg args: Any) = context.getString(id, *args)
    val fix = here.fix
    val doubt = here.doubt(context)
    val accuracy = doubt ?: fix?.let { accuracyWords(context, it.accuracyCm) }
    when (val place = here.place) {
        null -> show(text(R.string.place_seeking), text(R.string.place_none), found = false)
        Place.NoGrid -> show(text(R.string.place_no_grid), accuracy.orEmpty(), found = false)
        is Place.Outside -> {
            val near = place.nearest?.let { text(R.string.place_near, it.cell.short(), cn.xunge.core.distanceWords(lang, it.metres)) }
            show(text(R.string.place_outside), listOfNotNull(near, accuracy).joinToString(" · "), found = fix != null)
        }
        is Place.In -> {
            val name = text(R.string.cell_name, place.cell.short())
            if (fix != null) {
                val rest = if (doubt == null) listOfNotNull(place.cell.street, accuracy, text(R.string.place_just_now)) else listOf(doubt)
                show(name, rest.joinToString(" · "), found = true)
            } else {
                val age = here.lastAgeMs?.let { text(R.string.place_last, name, durationWords(lang, it)) } ?: text(R.string.place_last_unknown, name)
                show(text(R.string.place_seeking), age, found = false)
            }
        }
    }
}
