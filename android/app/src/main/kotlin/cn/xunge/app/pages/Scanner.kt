package cn.xunge.app.pages

import cn.xunge.app.platform.Camera
import cn.xunge.app.platform.CameraFault
import cn.xunge.app.platform.Frame
import cn.xunge.app.platform.QrReader
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.update

/** @param isLit the lamp is on */
internal data class Scan(val lens: Lens = Lens.Opening, val isLit: Boolean = false)

/**
 * Looks for a code in what the camera sees, until it is closed. Frames are read on the thread of the camera, one at a time.
 *
 * @param allowed whether the person allowed the camera
 */
internal class Scanner(private val camera: Camera, private val allowed: () -> Boolean, private val read: (Frame) -> String? = QrReader::read) {
    private val _states = MutableStateFlow(Scan())

    @Volatile
    private var isLooking = false

    @Volatile
    private var last: String? = null

    val states: StateFlow<Scan> = _states

    init {
        camera.onFault = { fault -> failed(Lens.Failed(fault)) }
    }

    /**
     * Opens the camera, which another app may have had meanwhile.
     *
     * @param found gets each code once, on the thread of the camera
     */
    suspend fun open(found: (String) -> Unit) {
        if (isLooking) return
        if (!allowed()) return failed(Lens.Denied)
        isLooking = true
        _states.value = Scan()
        try {
            val optics = camera.open { look(it, found) }
            if (isLooking) _states.update { it.copy(lens = Lens.Ready(optics)) }
        } catch (fault: CameraFault) {
            failed(if (fault is CameraFault.Denied) Lens.Denied else Lens.Failed(fault))
        }
    }

    private fun failed(lens: Lens) {
        isLooking = false
        _states.value = Scan(lens)
    }

    private fun look(frame: Frame, found: (String) -> Unit) {
        if (!isLooking) return
        val text = read(frame) ?: return
        // The page may have been left while the frame was read; and the camera sees a code that was refused on and on.
        if (!isLooking || text == last) return
        last = text
        found(text)
    }

    fun light(on: Boolean) {
        if (_states.value.lens !is Lens.Ready) return
        camera.light(on)
        _states.update { it.copy(isLit = on) }
    }

    /** Nobody looks any more. It can be opened again. */
    fun close() {
        isLooking = false
        last = null
        camera.close()
        _states.value = Scan()
    }
}
