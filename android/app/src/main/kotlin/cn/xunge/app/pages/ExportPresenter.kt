package cn.xunge.app.pages

import cn.xunge.client.exportParcels
import cn.xunge.client.loggable
import cn.xunge.core.ExportStep
import cn.xunge.core.Exported
import cn.xunge.core.HandsetInterface
import cn.xunge.core.ScreenChanges
import cn.xunge.core.Today
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.withContext
import java.io.File
import java.io.IOException
import java.io.OutputStream
import java.time.Instant
import java.time.ZoneId
import java.time.format.DateTimeFormatter
import kotlin.coroutines.coroutineContext

/** Where the sealed file is. */
sealed class Placed {
    /** In the app's own folder, and the person was not asked yet, or stopped. */
    data object Here : Placed()

    /** In the app's own folder to stay: this phone has no chooser of places, so only a cable finds it. */
    data object ByCable : Placed()

    /** On its way to where the person chose; bytes. */
    data class Copying(val done: Long, val size: Long) : Placed()

    /** Where the person chose, under this name; [where] is what the phone calls the place, null if it does not say. */
    data class There(val name: String, val where: String? = null) : Placed()

    /** It could not be written there; it is still in the app's own folder. */
    data object Failed : Placed()
}

/** How far an export is: [step] while it runs, [exported] with [file] when it is sealed. */
data class Sealing(
    val running: Boolean = false,
    val step: ExportStep? = null,
    val exported: Exported? = null,
    val file: String? = null,
    val placed: Placed = Placed.Here,
)

/** 封存导出. */
data class ExportState(val today: Today, val sealing: Sealing = Sealing())

/** @param folder where the file is sealed; made when it is not there */
class ExportPresenter(private val handset: HandsetInterface, changes: Flow<ScreenChanges>, private val folder: File, private val io: CoroutineDispatcher) {
    private val reader = Reader(io)
    private val sealing = MutableStateFlow(Sealing())

    val states: Flow<Read<ExportState>> = reader.states(changes) { ExportState(handset.today()) }
        .combine(sealing) { read, sealing -> read.copy(it = read.it?.copy(sealing = sealing)) }

    /** The sealed file is where it was wanted. */
    val isOver: Boolean get() = sealing.value.placed is Placed.There

    /** Seals everything that waits into a new file and returns its name; a cancelled or failed export leaves none. */
    suspend fun export(): String? {
        sealing.value = Sealing(running = true)
        var file: File? = null
        try {
            val exported = reader.call {
                folder.mkdirs()
                val target = File(folder, "xunge-${NAME.format(Instant.ofEpochMilli(handset.today().now.millis))}.xgp").also { file = it }
                handset.exportParcels(target.path) { step -> sealing.update { it.copy(step = step) } }
            }
            sealing.value = Sealing(exported = exported, file = exported?.let { file?.path })
        } finally {
            if (sealing.value.exported == null) {
                file?.delete()
                sealing.value = Sealing()
            }
        }
        return sealing.value.file?.let { File(it).name }
    }

    /**
     * Copies the sealed file to where the person chose, and then deletes ours.
     *
     * @param name what the file is called there
     * @param open null or an [IOException] if nothing can be written there
     * @param drop deletes what was begun there: half a parcel must not get to the centre
     * @param where what the phone calls the place
     */
    suspend fun place(name: String, open: () -> OutputStream?, drop: () -> Unit = {}, where: String? = null) {
        val file = sealing.value.file?.let(::File) ?: return
        // As it stays if the person stops it, or leaves the page.
        var placed: Placed = Placed.Here
        try {
            withContext(io) {
                val target = open() ?: throw IOException("no stream")
                target.use { copy(file, it) }
                // From here on it is there, also if the page is left now.
                placed = Placed.There(name, where)
                file.delete()
            }
        } catch (full: IOException) {
            android.util.Log.i("xunge", full.loggable())
            placed = Placed.Failed
        } finally {
            // Two: what comes back from another dispatcher to a cancelled coroutine does not go on.
            withContext(NonCancellable) {
                if (placed !is Placed.There) withContext(io) { drop() }
                sealing.update { it.copy(placed = placed) }
            }
        }
    }

    /** There is no chooser: the file stays where it is. */
    fun stays() = sealing.update { it.copy(placed = Placed.ByCable) }

    private suspend fun copy(file: File, target: OutputStream) = file.inputStream().use { from ->
        val buffer = ByteArray(BLOCK)
        var done = 0L
        while (true) {
            coroutineContext.ensureActive()
            sealing.update { it.copy(placed = Placed.Copying(done, file.length())) }
            val read = from.read(buffer)
            if (read < 0) break
            target.write(buffer, 0, read)
            done += read
        }
    }

    private companion object {
        const val BLOCK = 256 * 1024
        val NAME: DateTimeFormatter = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneId.of("Asia/Shanghai"))
    }
}
