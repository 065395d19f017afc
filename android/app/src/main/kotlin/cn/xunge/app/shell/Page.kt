package cn.xunge.app.shell

import android.content.Context
import android.net.Uri
import android.view.View
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.Screen
import cn.xunge.client.inLang
import cn.xunge.core.Lang
import cn.xunge.core.Words
import kotlinx.coroutines.CoroutineScope

/** What a page may ask of the activity that shows it. */
interface Host {
    val context: Context
    val session: Session

    /** The language of the screen. */
    val lang: Lang

    /** Opens a page; Back leads here again. */
    fun go(route: Route)

    /** Opens a page in place of this one. */
    fun replace(route: Route)

    fun back()

    /** One of the four places of the navigation. */
    fun switch(place: Place)

    /** Says something short over the end of the page that is shown next. */
    fun tell(words: CharSequence) = Unit

    /** Asks for permissions; [answer] is told whether all were granted. */
    fun permit(permissions: List<String>, answer: (Boolean) -> Unit)

    /**
     * Lets the person choose pictures; [answer] gets the files, copied into the app's cache. If the phone was turned or the
     * process ended meanwhile, they wait for the page of this name in [cn.xunge.app.platform.CaptureFiles.chosen].
     */
    fun choosePictures(page: String, answer: (List<java.io.File>) -> Unit)

    /**
     * Lets the person choose where a new file goes; null: nowhere. False: this phone has no chooser. [answer] may come when
     * the page is gone.
     */
    fun createFile(name: String, answer: (Uri?) -> Unit): Boolean
}

/**
 * One page: shows what its presenter says and tells it what the person does. Made again when the phone turns; what was
 * typed is in the draft.
 *
 * @param T what is shown
 */
abstract class Page<T : Any>(protected val host: Host) {
    protected val context: Context get() = host.context

    /** Follows the presenter while the page is shown and calls [show] for each state. Cancelled when it is left. */
    abstract suspend fun follow(show: (T) -> Unit)

    /**
     * The screen for a state. Called for the first state and whenever [update] says that the screen has to be built again.
     */
    abstract fun build(state: T): Screen

    /** Brings a screen up to date without building it again; false if that needs a new one. */
    open fun update(screen: Screen, state: T): Boolean = false

    /** The page has come to the front and has a scope that lives while it is shown. */
    protected lateinit var scope: CoroutineScope
        private set

    internal fun attach(scope: CoroutineScope) {
        this.scope = scope
    }

    /** Chosen pictures came after the page was made again. */
    open fun onPictures() = Unit

    /** Back on this page; false: the usual way. */
    open fun onBack(): Boolean = false

    /** The page is left: saves what is not saved. */
    open fun onLeave() = Unit

    protected fun text(id: Int, vararg args: Any): String = context.getString(id, *args)

    protected fun Words.here(): String = inLang(host.lang)
}

/** The view of a page between its first state and the end of the page. */
internal class Shown<T : Any>(private val page: Page<T>, private val put: (View) -> Unit) {
    private var screen: Screen? = null
    private var last: T? = null

    suspend fun run() = page.follow { state ->
        if (state == last) return@follow
        last = state
        val now = screen
        if (now == null || !page.update(now, state)) {
            screen = page.build(state).also(put)
        }
    }
}
