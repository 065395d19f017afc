package cn.xunge.app.pages

import cn.xunge.core.Why

/** What mends a refusal of the core; the page shows the refusal there. */
enum class Mends { PHOTOS, TYPE, PLACE, STORAGE, NOTHING }

internal fun mends(why: Why): Mends = when {
    why.code == "photo.disk_full" || why.code == "store.full" -> Mends.STORAGE
    why.code.startsWith("photo.") || why.code == "report.empty" -> Mends.PHOTOS
    why.code.startsWith("matter.") -> Mends.TYPE
    why.code.startsWith("place.") -> Mends.PLACE
    else -> Mends.NOTHING
}
