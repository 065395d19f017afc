package cn.xunge.app.pages

import cn.xunge.core.AppUpdate
import cn.xunge.core.DataUse
import cn.xunge.core.HandsetInterface
import cn.xunge.core.NetworkSettings
import cn.xunge.core.ScreenChanges
import cn.xunge.core.StorageUse
import cn.xunge.core.Today
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow

/** The phone's storage. Unit: bytes. */
data class Disk(val free: Long, val total: Long)

/** What Xunge takes of it: the database, in which the reference data are, the grid beside it, and photos. */
internal val StorageUse.all: Long get() = (database + grid + photosWaiting + photosKept).toLong()

/** 我的 and 本机空间. */
data class MeState(
    val today: Today,
    val data: DataUse,
    val rules: NetworkSettings,
    val storage: StorageUse,
    val disk: Disk,
    val update: AppUpdate? = null,
) {
    /** So little room that photos may soon not fit. */
    val isDiskLow: Boolean get() = disk.free < LOW

    /** Photos that still fit. */
    val photosLeft: Long get() = disk.free / PHOTO

    private companion object {
        const val LOW = 500_000_000L

        /** A photo with room for what is made of it while it is sealed. */
        const val PHOTO = 3_000_000L
    }
}

class MePresenter(
    private val handset: HandsetInterface,
    changes: Flow<ScreenChanges>,
    private val disk: () -> Disk,
    io: CoroutineDispatcher,
    private val newer: () -> AppUpdate? = { null },
) {
    private val reader = Reader(io)

    val states: Flow<Read<MeState>> = reader.states(changes) {
        MeState(handset.today(), handset.dataUse(), handset.networkSettings(), handset.storage(), disk(), newer())
    }
}
