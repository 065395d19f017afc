package cn.xunge.app.pages

import android.Manifest
import android.app.AlertDialog
import android.graphics.drawable.Drawable
import cn.xunge.app.R
import cn.xunge.app.platform.Places
import cn.xunge.app.shell.Host
import cn.xunge.client.inLang
import cn.xunge.core.Position
import cn.xunge.core.Words
import cn.xunge.ids.PhotoHash
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.launch

/** The presenter of a draft with photos. Until the draft is open, all of it does nothing. */
internal abstract class PhotoPresenter {
    protected var desk: DraftDesk? = null

    /** Follows the fixes as long as it is not cancelled. */
    suspend fun locate(fixes: Flow<Position>) {
        desk?.locate(fixes)
    }

    /** Adds the photo and deletes its file. */
    suspend fun add(photo: NewPhoto) {
        desk?.add(photo)
    }

    suspend fun remove(photo: PhotoHash) {
        desk?.remove(photo)
    }

    /** What to ask before the draft is filed with fewer photos than asked for. */
    suspend fun fewer(): Words? = desk?.fewer()
}

/**
 * The photos of a draft on its page: takes one, and shows or removes the one that is pressed.
 *
 * @param scope of the page while it is shown
 */
internal class DraftPhotos(private val host: Host, private val presenter: () -> PhotoPresenter, private val taker: PhotoTaker, private val scope: () -> CoroutineScope) {
    private var locating: Job? = null

    /** Tells the draft where the handset is. Again after each question for permission: without it there is nothing to follow. */
    fun locate() {
        if (locating?.isActive == true) return
        locating = scope().launch { presenter().locate(Places(host.context).fixes()) }
    }

    /** Adds photos that came while the page was not there. */
    fun collect() {
        scope().launch { taker.waiting().forEach { presenter().add(it) } }
    }

    /** Asks for the place first, which the photo is stamped with. It works without one. */
    fun take() = host.permit(listOf(Manifest.permission.ACCESS_FINE_LOCATION)) {
        locate()
        scope().launch { taker.take()?.let { presenter().add(it) } }
    }

    /** Files the draft, after a question if it has fewer photos than asked for: nothing is refused. */
    fun file(submit: () -> Unit) {
        scope().launch {
            val question = presenter().fewer() ?: return@launch submit()
            AlertDialog.Builder(host.context).setTitle(question.inLang(host.lang))
                .setPositiveButton(R.string.answer_bare_do) { _, _ -> submit() }
                .setNegativeButton(R.string.photo_take) { _, _ -> take() }
                .show()
        }
    }

    fun press(at: Int, shot: DraftShot, picture: Drawable?) {
        val context = host.context
        val name = context.getString(R.string.photo_number, at + 1)
        shotMenu(context, name, { BigPhoto.show(context, picture, name) }) { scope().launch { presenter().remove(shot.photo) } }
    }
}
