package cn.xunge.app.shell

import android.app.Activity
import android.app.AlertDialog
import android.app.KeyguardManager
import android.content.ActivityNotFoundException
import android.content.Context
import android.content.Intent
import android.content.pm.PackageManager
import android.net.Uri
import android.os.Bundle
import android.view.View
import android.view.WindowManager.LayoutParams.FLAG_SECURE
import cn.xunge.app.R
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.Screen
import cn.xunge.app.lock.CodePage
import cn.xunge.app.lock.CodePresenter
import cn.xunge.app.lock.Gate
import cn.xunge.app.lock.LockPage
import cn.xunge.app.lock.LockPresenter
import cn.xunge.app.lock.askFinger
import cn.xunge.app.pages.dial
import cn.xunge.app.pages.pageOf
import cn.xunge.app.platform.CaptureFiles
import cn.xunge.client.loggable
import cn.xunge.core.Handset
import cn.xunge.core.Lang
import cn.xunge.core.NudgeReason
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.collectLatest
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import java.io.File
import java.io.IOException

/** The one activity: shows the page at the end of the way, and keeps the way through rotation and the end of the process. */
class MainActivity : Activity(), Host {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Main)
    private val way = ArrayList<Route>()
    private var page: Page<*>? = null

    /** Whose way it is. */
    private var shows: Handset? = null
    private var shown: Job? = null
    private var asked: ((Boolean) -> Unit)? = null
    private var telling: CharSequence? = null
    private var choosing: ((List<File>) -> Unit)? = null

    /** The page that pictures are chosen for; survives the end of the process, which [choosing] does not. */
    private var choosingFor: String? = null
    private val captures by lazy { CaptureFiles(this) }

    private val gate: Gate get() = XungeApp.of(this).gate

    override val context: Context get() = this
    override val session: Session get() = XungeApp.of(this).session
    override val lang: Lang get() = lang()

    /** The page that is shown, for tests. */
    val route: Route? get() = way.lastOrNull()

    override fun attachBaseContext(base: Context) = super.attachBaseContext(base.chosen())

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        choosingFor = state?.getString(CHOOSING)
        state?.getStringArrayList(WAY)?.mapNotNull(Route::of)?.let(way::addAll)
        scope.launch {
            session.open()
            session.opened.collectLatest { opened ->
                when (opened) {
                    Opened.Opening -> Unit
                    Opened.Nobody -> root(Route.Enrol)
                    is Opened.Failed -> root(Route.Users)
                    is Opened.Ready -> ready(opened.handset)
                }
            }
        }
    }

    /** The way of one handset leads nowhere in another one. */
    private fun ready(handset: Handset) {
        val before = shows
        shows = handset
        when {
            way.firstOrNull() != Route.Today -> root(wanted(intent) ?: Route.Today)
            before != null && before !== handset -> root(Route.Today)
            else -> present()
        }
    }

    override fun onSaveInstanceState(out: Bundle) {
        super.onSaveInstanceState(out)
        page?.onLeave()
        out.putString(CHOOSING, choosingFor)
        out.putStringArrayList(WAY, ArrayList(way.map { it.text() }))
    }

    override fun onStart() {
        super.onStart()
        val before = gate.isOpen
        gate.came()
        if (before != gate.isOpen) present()
        secure()
        XungeApp.of(this).surroundings.attend(true)
        session.nudge(NudgeReason.PERSON)
    }

    override fun onStop() {
        page?.onLeave()
        gate.left()
        XungeApp.of(this).surroundings.attend(false)
        session.nudge(NudgeReason.PERSON)
        super.onStop()
    }

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    override fun go(route: Route) {
        page?.onLeave()
        way.add(route)
        present()
    }

    override fun replace(route: Route) {
        page?.onLeave()
        way.removeLastOrNull()
        way.add(route)
        present()
    }

    override fun back() {
        // Behind the lock the way stays as it was.
        if (!gate.isOpen) {
            moveTaskToBack(true)
            return
        }
        if (page?.onBack() == true) return
        page?.onLeave()
        if (way.size <= 1) return finish()
        way.removeAt(way.lastIndex)
        present()
    }

    @Deprecated("The way of API 33 is not in API 26")
    override fun onBackPressed() = back()

    override fun switch(place: Place) = root(
        when (place) {
            Place.TODAY -> Route.Today
            Place.REPORT -> Route.Camera()
            Place.TASKS -> Route.Tasks
            Place.ME -> Route.Me
        },
    )

    /** The way begins again; from every place but the first, Back leads to the first. */
    private fun root(route: Route) {
        page?.onLeave()
        way.clear()
        if (route != Route.Today && session.opened.value is Opened.Ready) way.add(Route.Today)
        way.add(route)
        present()
    }

    private fun present() {
        val route = way.lastOrNull() ?: return
        show(if (gate.isOpen) pageOf(route, this) else locked())
    }

    private fun show(page: Page<*>) {
        shown?.cancel()
        this.page = page
        shown = scope.launch {
            page.attach(this)
            Shown(page) { view: View ->
                setContentView(view)
                telling?.let { (view as? Screen)?.snackbar?.show(it) }
                telling = null
            }.run()
        }
    }

    override fun tell(words: CharSequence) {
        telling = words
    }

    private fun locked(): Page<*> {
        val presenter = LockPresenter(gate.lock, sets = false, session.io, gate.finger, askFinger(this, R.string.finger_open)) { unlock() }
        return LockPage(this, presenter, ::forgotten)
    }

    /** By the phone's own lock, or by a code of the administrator where there is none. */
    private fun forgotten() {
        val keyguard = getSystemService(KeyguardManager::class.java)
        if (keyguard?.isDeviceSecure != true) return askCode()
        val ways = arrayOf(getString(R.string.forgotten_phone), getString(R.string.forgotten_code))
        AlertDialog.Builder(this).setTitle(R.string.lock_forgotten).setItems(ways) { _, at -> if (at == 0) confirm(keyguard) else askCode() }.show()
    }

    private fun askCode() {
        val ready = session.opened.value as? Opened.Ready ?: return noCode()
        val done = {
            gate.open()
            go(Route.Pin)
        }
        show(CodePage(this, CodePresenter(gate.lock, ready.handset, session.io, done), ::present))
    }

    /** Without an open handset no code can be checked; where nobody enrolled, there is nothing to guard. */
    private fun noCode() {
        if (session.opened.value == Opened.Nobody) {
            gate.lock.clear()
            return unlock()
        }
        scope.launch {
            val contact = withContext(session.io) { session.contact() }
            AlertDialog.Builder(this@MainActivity).setMessage(R.string.code_cannot).setPositiveButton(android.R.string.ok, null).apply {
                if (contact != null) setNeutralButton(getString(R.string.call_number, contact.phone)) { _, _ -> dial(this@MainActivity, contact) }
            }.show()
        }
    }

    private fun unlock() {
        gate.open()
        present()
    }

    /** The phone's own lock says who it is; its successor is newer than Android 8. */
    @Suppress("DEPRECATION")
    private fun confirm(keyguard: KeyguardManager) {
        val ask = keyguard.createConfirmDeviceCredentialIntent(getString(R.string.lock_device_title), getString(R.string.lock_device_text))
        startActivityForResult(ask ?: return, CREDENTIAL)
    }

    /** With a lock, the task switcher and screenshots show nothing. */
    private fun secure() = window.setFlags(if (gate.lock.isSet) FLAG_SECURE else 0, FLAG_SECURE)

    override fun permit(permissions: List<String>, answer: (Boolean) -> Unit) {
        val missing = permissions.filter { checkSelfPermission(it) != PackageManager.PERMISSION_GRANTED }
        if (missing.isEmpty()) return answer(true)
        asked = answer
        requestPermissions(missing.toTypedArray(), PERMISSIONS)
    }

    override fun onRequestPermissionsResult(code: Int, permissions: Array<out String>, results: IntArray) {
        if (code != PERMISSIONS) return
        asked?.invoke(results.isNotEmpty() && results.all { it == PackageManager.PERMISSION_GRANTED })
        asked = null
    }

    override fun choosePictures(page: String, answer: (List<File>) -> Unit) {
        choosing = answer
        choosingFor = page
        val choose = Intent(Intent.ACTION_GET_CONTENT).setType("image/*").addCategory(Intent.CATEGORY_OPENABLE)
        startActivityForResult(choose.putExtra(Intent.EXTRA_ALLOW_MULTIPLE, true), PICTURES)
    }

    override fun createFile(name: String, answer: (Uri?) -> Unit): Boolean {
        val create = Intent(Intent.ACTION_CREATE_DOCUMENT).setType("application/octet-stream").addCategory(Intent.CATEGORY_OPENABLE)
        return try {
            startActivityForResult(create.putExtra(Intent.EXTRA_TITLE, name), FILE)
            creating = answer
            true
        } catch (absent: ActivityNotFoundException) {
            false
        }
    }

    override fun onActivityResult(code: Int, result: Int, data: Intent?) {
        if (code == FILE) {
            creating?.invoke(data?.data)
            creating = null
            return
        }
        if (code == CREDENTIAL && result == RESULT_OK) {
            gate.lock.clear()
            gate.open()
            return go(Route.Pin)
        }
        if (code != PICTURES) return
        val (asked, answer) = (choosingFor ?: return) to choosing
        choosingFor = null
        choosing = null
        scope.launch {
            val files = withContext(session.io) { chosen(data).also { if (answer == null) captures.keepChosen(asked, it) } }
            if (answer == null) page?.onPictures() else answer(files)
        }
    }

    /** The pictures of a choice, copied into the cache; one that cannot be read is left out. */
    private fun chosen(data: Intent?): List<File> {
        val clip = data?.clipData
        val uris = if (clip != null) (0 until clip.itemCount).map { clip.getItemAt(it).uri } else listOfNotNull(data?.data)
        return uris.mapNotNull { uri ->
            try {
                val file = captures.fresh()
                contentResolver.openInputStream(uri)?.use { from -> file.outputStream().use { from.copyTo(it) } }
                file.takeIf { it.length() > 0 }
            } catch (unreadable: IOException) {
                android.util.Log.i("xunge", unreadable.loggable())
                null
            }
        }
    }

    /** A notice was pressed: its page, with the first place behind it. */
    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        wanted(intent)?.let(::root)
    }

    private fun wanted(intent: Intent?): Route? = intent?.getStringExtra(ROUTE)?.let(Route::of)

    companion object {
        /** The page that an intent asks for. */
        const val ROUTE = "route"
        private const val WAY = "way"
        private const val CHOOSING = "choosing"
        private const val PERMISSIONS = 1
        private const val PICTURES = 2
        private const val CREDENTIAL = 3
        private const val FILE = 4

        /** Outlives the activity: the phone may be turned while the chooser is open, or the lock may close. */
        private var creating: ((Uri?) -> Unit)? = null
    }
}
