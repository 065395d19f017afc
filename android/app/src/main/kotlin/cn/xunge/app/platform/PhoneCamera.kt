package cn.xunge.app.platform

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.ImageFormat
import android.graphics.SurfaceTexture
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.hardware.camera2.CaptureFailure
import android.hardware.camera2.CaptureRequest
import android.hardware.camera2.CaptureResult
import android.hardware.camera2.TotalCaptureResult
import android.hardware.camera2.params.StreamConfigurationMap
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import android.util.Size
import android.view.OrientationEventListener
import android.view.Surface
import cn.xunge.client.loggable
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.withTimeoutOrNull
import java.io.File
import java.io.IOException
import kotlin.math.abs

/** The camera at the back of the phone, by Camera2. Everything of a device that is open happens on one thread of its own. */
class PhoneCamera(private val context: Context) : Camera {
    private var surface: SurfaceTexture? = null

    @Volatile
    private var opened: Opened? = null

    override var onFault: ((CameraFault) -> Unit)? = null

    @SuppressLint("MissingPermission")
    override suspend fun open(look: ((Frame) -> Unit)?): Optics {
        opened?.let { return it.ready.await() }
        val manager = context.getSystemService(CameraManager::class.java) ?: throw CameraFault.Missing()
        val device = try {
            val id = backOf(manager) ?: throw CameraFault.Missing()
            Opened(manager.getCameraCharacteristics(id), look).also {
                opened = it
                it.show(surface)
                manager.openCamera(id, it, it.handler)
            }
        } catch (failed: CameraAccessException) {
            throw failed.fault().also { close() }
        } catch (denied: SecurityException) {
            throw CameraFault.Denied().also { close() }
        } catch (gone: IllegalArgumentException) {
            // The camera was unplugged between the question and the call.
            throw CameraFault.Missing().also { close() }
        }
        return device.ready.await()
    }

    override fun preview(surface: SurfaceTexture?) {
        this.surface = surface
        opened?.show(surface)
    }

    override fun light(on: Boolean) {
        opened?.light(on)
    }

    override suspend fun take(file: File, flash: Flash) = (opened ?: throw CameraFault.Broken()).take(file, flash)

    override fun close() {
        opened?.end()
        opened = null
    }

    private fun backOf(manager: CameraManager): String? {
        fun faces(id: String, side: Int) = manager.getCameraCharacteristics(id).get(CameraCharacteristics.LENS_FACING) == side
        val all = manager.cameraIdList
        return all.firstOrNull { faces(it, CameraCharacteristics.LENS_FACING_BACK) } ?: all.firstOrNull { faces(it, CameraCharacteristics.LENS_FACING_EXTERNAL) }
    }

    /** A device from its opening to its end. */
    private inner class Opened(traits: CameraCharacteristics, private val look: ((Frame) -> Unit)?) : CameraDevice.StateCallback() {
        private val sizes = traits.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP)
        private val photo = chosenSize(sizes?.getOutputSizes(ImageFormat.JPEG), PHOTO_PIXELS) ?: throw CameraFault.Missing()
        private val shown = chosenSize(sizes?.getOutputSizes(SurfaceTexture::class.java), PREVIEW_PIXELS, like = photo) ?: throw CameraFault.Missing()
        private val hasFlash = traits.get(CameraCharacteristics.FLASH_INFO_AVAILABLE) == true
        private val sensor = traits.get(CameraCharacteristics.SENSOR_ORIENTATION) ?: 0
        private val reader = if (look == null) ImageReader.newInstance(photo.width, photo.height, ImageFormat.JPEG, 2) else frames(sizes)
        private val thread = HandlerThread("camera").apply { start() }
        val handler = Handler(thread.looper)
        val ready = CompletableDeferred<Optics>()

        @Volatile
        private var session = CompletableDeferred<CameraCaptureSession>()

        @Volatile
        private var writing: CompletableDeferred<Unit>? = null
        private var device: CameraDevice? = null
        private var texture: SurfaceTexture? = null
        private var preview: Surface? = null
        private var running: CameraCaptureSession? = null
        private var isLit = false
        private var tilt = 0
        private var isOver = false

        private val tilted = object : OrientationEventListener(context) {
            override fun onOrientationChanged(degrees: Int) {
                if (degrees != ORIENTATION_UNKNOWN) tilt = (degrees + 45) / 90 * 90 % 360
            }
        }

        init {
            look?.let { reader.setOnImageAvailableListener({ from -> pass(from, it) }, handler) }
        }

        override fun onOpened(camera: CameraDevice) {
            if (isOver) return camera.close()
            device = camera
            tilted.enable()
            ready.complete(Optics(shown.width, shown.height, hasFlash))
            begin()
        }

        override fun onDisconnected(camera: CameraDevice) = lost(camera, CameraFault.Taken())

        override fun onError(camera: CameraDevice, error: Int) = lost(
            camera,
            when (error) {
                ERROR_CAMERA_IN_USE, ERROR_MAX_CAMERAS_IN_USE, ERROR_CAMERA_DISABLED -> CameraFault.Taken()
                else -> CameraFault.Broken()
            },
        )

        private fun lost(camera: CameraDevice, fault: CameraFault) {
            camera.close()
            device = null
            val wasReady = !ready.completeExceptionally(fault)
            session.completeExceptionally(fault)
            if (opened === this) close()
            if (wasReady) onFault?.invoke(fault)
        }

        fun show(surface: SurfaceTexture?) {
            handler.post {
                if (surface === texture) return@post
                texture = surface
                // What was shown on the surface before has ended with it.
                if (preview != null) session = CompletableDeferred()
                running = null
                preview?.release()
                preview = null
                begin()
            }
        }

        /** Shows the preview as soon as there are a device and a place for it. */
        private fun begin() {
            val camera = device ?: return
            val onto = texture ?: return
            if (preview != null) return
            onto.setDefaultBufferSize(shown.width, shown.height)
            val surface = Surface(onto).also { preview = it }
            attempt {
                @Suppress("DEPRECATION") // Its successor is newer than Android 8.
                camera.createCaptureSession(listOf(surface, reader.surface), Configured(surface), handler)
            }
        }

        private inner class Configured(private val surface: Surface) : CameraCaptureSession.StateCallback() {
            override fun onConfigured(made: CameraCaptureSession) = attempt {
                made.setRepeatingRequest(stream(surface), null, handler)
                running = made
                session.complete(made)
            }

            override fun onConfigureFailed(made: CameraCaptureSession) {
                device?.let { lost(it, CameraFault.Broken()) }
            }
        }

        /** What is asked for all the time: the picture on the screen, and the frames where something looks at them. */
        private fun stream(surface: Surface): CaptureRequest {
            if (look == null) return request(CameraDevice.TEMPLATE_PREVIEW, surface, Flash.AUTO).build()
            val asked = request(CameraDevice.TEMPLATE_PREVIEW, surface, Flash.OFF)
            asked.addTarget(reader.surface)
            if (isLit) asked.set(CaptureRequest.FLASH_MODE, CaptureRequest.FLASH_MODE_TORCH)
            return asked.build()
        }

        fun light(on: Boolean) {
            if (!hasFlash) return
            handler.post {
                isLit = on
                val made = running ?: return@post
                val onto = preview ?: return@post
                attempt { made.setRepeatingRequest(stream(onto), null, handler) }
            }
        }

        private fun frames(sizes: StreamConfigurationMap?): ImageReader {
            val size = chosenSize(sizes?.getOutputSizes(ImageFormat.YUV_420_888), FRAME_PIXELS, like = photo) ?: throw CameraFault.Missing()
            return ImageReader.newInstance(size.width, size.height, ImageFormat.YUV_420_888, 2)
        }

        /** The image is given back before its brightness is looked at, so that the camera always has one to fill. */
        private fun pass(from: ImageReader, look: (Frame) -> Unit) {
            if (isOver) return
            val image = from.acquireLatestImage() ?: return
            val frame = image.use { Frame.of(it.planes[0].buffer, it.width, it.height, it.planes[0].rowStride) }
            look(frame)
        }

        private fun request(template: Int, onto: Surface, flash: Flash): CaptureRequest.Builder {
            val camera = device ?: throw CameraFault.Broken()
            return camera.createCaptureRequest(template).apply {
                addTarget(onto)
                set(CaptureRequest.CONTROL_AF_MODE, CaptureRequest.CONTROL_AF_MODE_CONTINUOUS_PICTURE)
                if (!hasFlash) return@apply
                set(
                    CaptureRequest.CONTROL_AE_MODE,
                    when (flash) {
                        Flash.AUTO -> CaptureRequest.CONTROL_AE_MODE_ON_AUTO_FLASH
                        Flash.ON -> CaptureRequest.CONTROL_AE_MODE_ON_ALWAYS_FLASH
                        Flash.OFF -> CaptureRequest.CONTROL_AE_MODE_ON
                    },
                )
            }
        }

        suspend fun take(file: File, flash: Flash) {
            val made = withTimeoutOrNull(STEP_MS) { session.await() } ?: throw CameraFault.Broken()
            if (hasFlash && flash != Flash.OFF) withTimeoutOrNull(METER_MS) { meter(made, flash) }
            val written = CompletableDeferred<Unit>().also { writing = it }
            handler.post {
                reader.setOnImageAvailableListener({ save(it, file, written) }, handler)
                val failed = object : CameraCaptureSession.CaptureCallback() {
                    override fun onCaptureFailed(session: CameraCaptureSession, request: CaptureRequest, failure: CaptureFailure) {
                        written.completeExceptionally(CameraFault.Broken())
                    }
                }
                attempt({ written.completeExceptionally(it) }) {
                    val still = request(CameraDevice.TEMPLATE_STILL_CAPTURE, reader.surface, flash)
                    still.set(CaptureRequest.JPEG_ORIENTATION, (sensor + tilt) % 360)
                    still.set(CaptureRequest.JPEG_QUALITY, QUALITY)
                    made.capture(still.build(), failed, handler)
                }
            }
            withTimeoutOrNull(STEP_MS) { written.await() } ?: throw CameraFault.Broken()
        }

        private fun save(from: ImageReader, file: File, written: CompletableDeferred<Unit>) {
            try {
                from.acquireNextImage().use { image ->
                    val bytes = image.planes[0].buffer
                    file.outputStream().channel.use { it.write(bytes) }
                }
                written.complete(Unit)
            } catch (full: IOException) {
                android.util.Log.i("xunge", full.loggable())
                written.completeExceptionally(CameraFault.Broken())
            }
        }

        /** Measures the light with a flash before the flash fires: without it the photo is too bright or too dark. */
        private suspend fun meter(made: CameraCaptureSession, flash: Flash) {
            val measured = CompletableDeferred<Unit>()
            handler.post {
                val onto = preview ?: return@post
                val watch = object : CameraCaptureSession.CaptureCallback() {
                    private var begun = false

                    override fun onCaptureCompleted(session: CameraCaptureSession, request: CaptureRequest, result: TotalCaptureResult) {
                        val state = result.get(CaptureResult.CONTROL_AE_STATE)
                        if (state == null || begun && state != CaptureResult.CONTROL_AE_STATE_PRECAPTURE) measured.complete(Unit)
                        begun = begun || state == CaptureResult.CONTROL_AE_STATE_PRECAPTURE
                    }
                }
                attempt({ measured.complete(Unit) }) {
                    val view = request(CameraDevice.TEMPLATE_PREVIEW, onto, flash)
                    made.setRepeatingRequest(view.build(), watch, handler)
                    view.set(CaptureRequest.CONTROL_AE_PRECAPTURE_TRIGGER, CaptureRequest.CONTROL_AE_PRECAPTURE_TRIGGER_START)
                    made.capture(view.build(), watch, handler)
                }
            }
            measured.await()
        }

        /** A call on the device that may be gone meanwhile. */
        private fun attempt(failed: (CameraFault) -> Unit = { fault -> device?.let { lost(it, fault) } }, call: () -> Unit) {
            try {
                call()
            } catch (access: CameraAccessException) {
                failed(access.fault())
            } catch (fault: CameraFault) {
                failed(fault)
            } catch (gone: IllegalStateException) {
                failed(CameraFault.Broken())
            } catch (abandoned: IllegalArgumentException) {
                failed(CameraFault.Broken())
            }
        }

        fun end() {
            tilted.disable()
            handler.post {
                isOver = true
                device?.close()
                device = null
                reader.close()
                preview?.release()
                thread.quitSafely()
            }
            // Who still waits was left with the page.
            ready.cancel()
            session.cancel()
            writing?.cancel()
        }
    }

    private companion object {
        /** More than the core keeps of a photo, and little enough for a phone with 2 GB. */
        const val PHOTO_PIXELS = 8_300_000
        const val PREVIEW_PIXELS = 1_300_000

        /** Enough for a code that fills a third of the picture; read within 0.3 s by a cheap phone. */
        const val FRAME_PIXELS = 1_000_000
        const val STEP_MS = 8_000L
        const val METER_MS = 1_500L
        const val QUALITY: Byte = 92
    }
}

private fun CameraAccessException.fault(): CameraFault = when (reason) {
    CameraAccessException.CAMERA_IN_USE, CameraAccessException.MAX_CAMERAS_IN_USE, CameraAccessException.CAMERA_DISABLED -> CameraFault.Taken()
    else -> CameraFault.Broken()
}

/** The largest size of at most so many pixels, of the shape of [like] if there is one; else the smallest. */
internal fun chosenSize(sizes: Array<Size>?, pixels: Int, like: Size? = null): Size? {
    fun area(size: Size) = size.width.toLong() * size.height
    fun alike(size: Size) = like == null || abs(size.width.toLong() * like.height - size.height.toLong() * like.width) * 50 < area(like)
    val all = sizes?.toList().orEmpty()
    val fits = all.filter { area(it) <= pixels }
    return fits.filter(::alike).maxByOrNull(::area) ?: fits.maxByOrNull(::area) ?: all.minByOrNull(::area)
}
