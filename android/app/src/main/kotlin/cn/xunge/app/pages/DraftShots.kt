package cn.xunge.app.pages

import android.content.Context
import android.graphics.drawable.Drawable
import cn.xunge.app.R
import cn.xunge.app.kit.Flow
import cn.xunge.app.kit.Shot
import cn.xunge.app.kit.ShotPlace
import cn.xunge.app.kit.Tone
import cn.xunge.core.DraftPhoto
import cn.xunge.core.HandsetInterface
import cn.xunge.ids.PhotoHash

/** A photo of a draft; without a picture if its file cannot be read. */
internal data class DraftShot(val photo: PhotoHash, val picture: Picture?)

internal fun HandsetInterface.shots(photos: List<DraftPhoto>): List<DraftShot> =
    photos.map { DraftShot(it.sha256, orNull { Picture(it.sha256, thumbnail(it.sha256)) }) }

/** A thumbnail is small: drawing it on the screen's thread takes no longer than a frame. */
internal fun DraftShot.thumbnail(context: Context): Drawable? = picture?.let { drawn(context, it.jpeg, THUMBNAIL) }

private const val THUMBNAIL = 320

/**
 * The photos of a draft in a row, and the place for one more.
 *
 * @param icon of the place for one more; 0: a camera for the first, then a plus
 */
internal class ShotRow(
    context: Context,
    private val onPress: (Int, DraftShot, Drawable?) -> Unit,
    private val onAdd: () -> Unit,
    private val icon: Int = 0,
    private val tone: Tone = Tone.NEUTRAL,
) {
    val view = Flow(context)
    private val pictures = HashMap<PhotoHash, Drawable?>()
    private var shown: List<DraftShot>? = null

    fun show(shots: List<DraftShot>) {
        if (shots == shown) return
        shown = shots
        val context = view.context
        view.removeAllViews()
        shots.forEachIndexed { at, shot ->
            val picture = pictures.getOrPut(shot.photo) { shot.thumbnail(context) }
            view.addView(Shot(context, picture, context.getString(R.string.photo_number, at + 1)) { onPress(at, shot, picture) })
        }
        val (image, name) = when {
            icon != 0 -> icon to R.string.photo_take_more
            shots.isEmpty() -> R.drawable.ic_camera to R.string.photo_take
            else -> R.drawable.ic_plus to R.string.photo_take_more
        }
        view.addView(ShotPlace(context, image, context.getString(name), tone = tone, onClick = onAdd))
    }
}
