package cn.xunge.app.pages

import android.content.Context
import cn.xunge.app.R
import cn.xunge.app.count
import cn.xunge.client.inLang
import cn.xunge.core.HandsetInterface
import cn.xunge.core.ItemState
import cn.xunge.core.Lang
import cn.xunge.core.QueueRow
import cn.xunge.core.momentWords
import cn.xunge.ids.Moment

/** What photos wait for by the rules of the phone, besides a network at all. */
enum class PhotosWait { NETWORK, WIFI, ROAMING, BUDGET, BATTERY, SWITCHED_OFF }

/** What holds photos back now; if nothing does, what the rules will ask for. */
internal fun HandsetInterface.photosWait(): PhotosWait = HELD[heldBack()?.code] ?: byRules()

private fun HandsetInterface.byRules(): PhotosWait {
    val rules = networkSettings()
    return when {
        !rules.sync -> PhotosWait.SWITCHED_OFF
        rules.wifiOnlyPhotos || rules.wifiOnlyAll -> PhotosWait.WIFI
        dataUse().isUsedUp -> PhotosWait.BUDGET
        else -> PhotosWait.NETWORK
    }
}

/**
 * The words under 已收到 while photos of the item are missing: how many, why, and when they are tried again (「还差 2 张照片，等
 * Wi-Fi 再传」). Null when the server has all of them, or nothing of the item yet.
 */
internal fun QueueRow.missingPhotos(context: Context, lang: Lang, now: Moment, waits: PhotosWait): String? {
    val missing = photosNamed.toInt() - photosSent.toInt()
    if (missing <= 0 || state !in RECEIVED) return null
    val why = problem?.words?.inLang(lang)
    val next = nextTry?.let { context.getString(R.string.photos_next, momentWords(it, now)) }
    val rule = when (waits) {
        PhotosWait.NETWORK -> R.string.photos_wait_network
        PhotosWait.WIFI -> R.string.photos_wait_wifi
        PhotosWait.ROAMING -> R.string.photos_wait_roaming
        PhotosWait.BATTERY -> R.string.photos_wait_battery
        PhotosWait.BUDGET -> R.string.photos_wait_budget
        PhotosWait.SWITCHED_OFF -> R.string.photos_wait_off
    }
    val reasons = listOfNotNull(why, next).ifEmpty { listOf(context.getString(rule)) }
    return (listOf(context.count(R.plurals.photos_missing, missing)) + reasons).joinToString(context.getString(R.string.spoken_comma))
}

/** The core's reasons for holding photos back, which are whole sentences, as a row has room for them. */
private val HELD = mapOf(
    "policy.metered" to PhotosWait.WIFI,
    "policy.wifi_only" to PhotosWait.WIFI,
    "policy.roaming" to PhotosWait.ROAMING,
    "policy.budget" to PhotosWait.BUDGET,
    "policy.battery" to PhotosWait.BATTERY,
    "sync.off" to PhotosWait.SWITCHED_OFF,
)

/** The states in which the server has the words of an item and may lack photos. */
private val RECEIVED = setOf(ItemState.PHOTOS_PENDING, ItemState.REVIEW, ItemState.HELD)
