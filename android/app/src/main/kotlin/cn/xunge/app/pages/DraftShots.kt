package cn.xunge.app.pages

import android.content.Context
import android.graphics.drawable.Drawable
import android.view.Gravity
import android.view.View
import cn.xunge.app.R
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.Flow
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Shot
import cn.xunge.app.kit.ShotPlace
import cn.xunge.app.kit.Size
import cn.xunge.app.kit.Tone
import cn.xunge.core.DraftPhoto
import cn.xunge.core.HandsetInterface
import cn.xunge.core.PhotoRole
import cn.xunge.ids.PhotoHash

/** A photo of a draft; without a picture if its file cannot be read. */
internal data class DraftShot(val photo: PhotoHash, val picture: Picture?, val shows: PhotoRole = PhotoRole.Scene)

/** Whether the photo at this place is one of after the person handled the matter: the first is of before, until he says so. */
internal fun DraftShot.isAfter(at: Int): Boolean = if (shows == PhotoRole.Scene) at > 0 else shows == PhotoRole.After

internal fun HandsetInterface.shots(photos: List<DraftPhoto>): List<DraftShot> =
    photos.map { DraftShot(it.sha256, orNull { Picture(it.sha256, thumbnail(it.sha256)) }, it.shows) }

/** A thumbnail is small: drawing it on the screen's thread takes no longer than a frame. */
internal fun DraftShot.thumbnail(context: Context): Drawable? = picture?.let { drawn(context, it.jpeg, THUMBNAIL) }

private const val THUMBNAIL = 320

/**
 * The photos of a draft in a row, and the place for one more.
 *
 * @param icon of the place for one more; 0: a camera for the first, then a plus
 * @param label a word below a photo, such as what it shows
 */
internal class ShotRow(
    context: Context,
    private val onPress: (Int, DraftShot, Drawable?) -> Unit,
    private val onAdd: () -> Unit,
    private val icon: Int = 0,
    private val tone: Tone = Tone.NEUTRAL,
    private val label: (Int, DraftShot) -> String? = { _, _ -> null },
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
            val below = label(at, shot)
            val name = listOfNotNull(context.getString(R.string.photo_number, at + 1), below).joinToString(context.getString(R.string.spoken_comma))
            view.addView(labelled(Shot(context, picture, name) { onPress(at, shot, picture) }, below))
        }
        val (image, name) = when {
            icon != 0 -> icon to R.string.photo_take_more
            shots.isEmpty() -> R.drawable.ic_camera to R.string.photo_take
            else -> R.drawable.ic_plus to R.string.photo_take_more
        }
        view.addView(ShotPlace(context, image, context.getString(name), tone = tone, onClick = onAdd))
    }

    private fun labelled(shot: Shot, below: String?): View {
        if (below == null) return shot
        val column = Column(shot.context, gap = 2)
        column.add(shot)
        column.add(Label(shot.context, Size.CAPTION)).apply {
            text = below
            gravity = Gravity.CENTER
            // The photo says it.
            importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
        }
        return column
    }
}
