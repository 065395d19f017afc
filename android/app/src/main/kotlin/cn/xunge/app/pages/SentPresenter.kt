package cn.xunge.app.pages

import cn.xunge.core.HandsetChange
import cn.xunge.core.HandsetInterface
import cn.xunge.core.QueueRow
import cn.xunge.core.ScreenChanges
import cn.xunge.ids.EntryKey
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.SharedFlow
import kotlinx.coroutines.flow.filter
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onSubscription

/** A report after it was filed: who holds it. */
internal data class SentState(
    val row: QueueRow,
    /** The first photo; null without one. */
    val picture: DraftShot?,
    val photos: Int,
    val bytes: Long,
    /** Of these, what the server confirmed. */
    val sent: Long,
    /** The photos wait for a network that costs nothing, by the person's rules. */
    val waitsForWifi: Boolean = false,
)

internal class SentPresenter(private val handset: HandsetInterface, changes: SharedFlow<ScreenChanges>, item: EntryKey, io: CoroutineDispatcher, private val metered: () -> Boolean) {
    /** The item, read first when every change to come is told, and again whenever the queue changes. */
    val states: Flow<SentState> = changes
        .onSubscription { emit(ScreenChanges(listOf(HandsetChange.QUEUE), emptyList(), emptyList())) }
        .filter { HandsetChange.QUEUE in it.what }
        .map { read(item) }
        .flowOn(io)

    private fun read(id: EntryKey): SentState {
        val item = handset.item(id)
        val first = item.photos.firstOrNull()
        return SentState(
            row = item.row,
            picture = first?.let { DraftShot(it.sha256, orNull { Picture(it.sha256, handset.thumbnail(it.sha256)) }) },
            photos = item.photos.size,
            bytes = item.photos.sumOf { it.size.toLong() },
            sent = item.photos.sumOf { it.sent.toLong() },
            waitsForWifi = item.photos.any { it.received == null } && handset.networkSettings().wifiOnlyPhotos && metered(),
        )
    }
}
