package cn.xunge.app.pages

import android.graphics.drawable.Drawable
import cn.xunge.core.XungeException
import cn.xunge.ids.PhotoHash
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/**
 * The first photos of rows, read when a row comes into sight and kept while the page is shown.
 *
 * @param read the thumbnail's bytes (JPEG); it fails for a photo whose file is gone because the server holds it
 * @param onCome a photo has come: rows that asked for it are to be drawn again
 */
internal class Covers(
    private val pictures: Thumbnails,
    private val io: CoroutineDispatcher,
    private val scope: () -> CoroutineScope,
    private val read: (PhotoHash) -> ByteArray,
    private val onCome: () -> Unit,
) {
    /** Null: there is none, or it has not come yet. */
    private val asked = HashMap<PhotoHash, Drawable?>()

    fun of(photo: PhotoHash): Drawable? {
        if (photo !in asked) {
            asked[photo] = null
            scope().launch {
                val drawn = withContext(io) { draw(photo) } ?: return@launch
                asked[photo] = drawn
                onCome()
            }
        }
        return asked[photo]
    }

    private fun draw(photo: PhotoHash): Drawable? = try {
        pictures.thumbnail(photo, read(photo))
    } catch (gone: XungeException) {
        null
    }
}
