package cn.xunge.app.pages

import cn.xunge.app.R
import cn.xunge.app.kit.PlaceLine
import cn.xunge.app.shell.Page
import cn.xunge.client.inLang
import cn.xunge.core.Cell
import cn.xunge.core.CellCode
import cn.xunge.core.Lang
import cn.xunge.core.Place
import cn.xunge.core.durationWords

/** The last parts of a cell's code, as people say it: `02-03-17`. */
internal fun Cell.short(): String = code.short()

internal fun CellCode.short(): String = text.takeLast(6).chunked(2).joinToString("-")

/** Shows where the handset is on the line that always says so. */
internal fun PlaceLine.showPlace(lang: Lang, here: Here) {
    fun text(id: Int, vararg args: Any) = context.getString(id, *args)
    val fix = here.fix
    val accuracy = fix?.let { text(R.string.place_accuracy, (it.accuracyCm.toInt() + 50) / 100) }
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
                val rest = listOfNotNull(place.cell.street, accuracy, text(R.string.place_just_now))
                show(name, rest.joinToString(" · "), found = true)
            } else {
                val age = here.lastAgeMs?.let { text(R.string.place_last, name, durationWords(lang, it)) } ?: text(R.string.place_last_unknown, name)
                show(text(R.string.place_seeking), age, found = false)
            }
        }
    }
}
