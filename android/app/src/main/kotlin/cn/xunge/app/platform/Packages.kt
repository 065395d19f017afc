package cn.xunge.app.platform

import android.app.PendingIntent
import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import android.content.pm.PackageInfo
import android.content.pm.PackageInstaller
import android.content.pm.PackageManager
import android.net.Uri
import android.provider.Settings
import cn.xunge.app.kit.Newer
import cn.xunge.core.AppUpdate
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import java.io.File
import java.io.IOException
import java.security.MessageDigest

/** Why a package is not installed. */
enum class InstallProblem {
    /** Another app, another signer, or another build than the server said. */
    NOT_OURS,

    /** The system does not let this app install others yet: the person allows it in the settings. */
    NOT_ALLOWED,

    /** The person said no. */
    DECLINED,

    NO_ROOM,

    /** The system refused it for another reason. */
    FAILED,
}

/** The app that runs here. */
data class OwnApp(val version: String, val build: UInt)

/** Installs a package that the core has fetched and checked. */
interface Packages {
    val own: OwnApp

    /** What came of the last install; null while none failed. A package that was installed ends this process. */
    val problem: StateFlow<InstallProblem?>

    /** Why the package may not be installed; null if it may. Reads the whole file. */
    fun check(update: AppUpdate): InstallProblem?

    /** Gives the package to the system, which asks the person. Blocks while it is copied. */
    fun install(update: AppUpdate)

    /** The settings in which the person allows this app to install packages. */
    fun settings(): Intent
}

/** [Packages] by the system's package installer. */
class SystemPackages(private val context: Context) : Packages {
    private val manager = context.packageManager

    override val own: OwnApp by lazy {
        manager.getPackageInfo(context.packageName, 0).run { OwnApp(versionName.orEmpty(), versionCode.toUInt()) }
    }

    override val problem: StateFlow<InstallProblem?> = last

    override fun check(update: AppUpdate): InstallProblem? {
        val path = update.`package` ?: return InstallProblem.FAILED
        val found = manager.getPackageArchiveInfo(path, SIGNERS) ?: return InstallProblem.NOT_OURS
        val mine = signers(manager.getPackageInfo(context.packageName, SIGNERS))
        val isOurs = found.packageName == context.packageName && found.versionCode.toUInt() == update.build
        val isSigned = signers(found).let { it == mine && update.signer.text in it }
        return when {
            !isOurs || !isSigned -> InstallProblem.NOT_OURS
            !manager.canRequestPackageInstalls() -> InstallProblem.NOT_ALLOWED
            else -> null
        }
    }

    override fun install(update: AppUpdate) {
        last.value = null
        val file = File(checkNotNull(update.`package`))
        val installer = manager.packageInstaller
        var id: Int? = null
        val problem = try {
            val asked = PackageInstaller.SessionParams(PackageInstaller.SessionParams.MODE_FULL_INSTALL)
            asked.setAppPackageName(context.packageName)
            asked.setSize(file.length())
            id = installer.createSession(asked)
            installer.openSession(id).use { session ->
                session.openWrite("xunge.apk", 0, file.length()).use { out ->
                    file.inputStream().use { it.copyTo(out) }
                    session.fsync(out)
                }
                val answer = Intent(context, InstallReceiver::class.java)
                session.commit(PendingIntent.getBroadcast(context, 0, answer, PendingIntent.FLAG_UPDATE_CURRENT or Newer.MUTABLE).intentSender)
            }
            return
        } catch (failed: IOException) {
            if (context.filesDir.usableSpace < file.length()) InstallProblem.NO_ROOM else InstallProblem.FAILED
        } catch (forbidden: SecurityException) {
            InstallProblem.NOT_ALLOWED
        } catch (tooMany: IllegalStateException) {
            InstallProblem.FAILED
        }
        last.value = problem
        abandon(installer, id)
    }

    /** The copy of a session that is not abandoned takes its room for days. */
    private fun abandon(installer: PackageInstaller, id: Int?) {
        try {
            id?.let(installer::abandonSession)
        } catch (gone: SecurityException) {
            last.value = InstallProblem.FAILED
        }
    }

    override fun settings() = Intent(Settings.ACTION_MANAGE_UNKNOWN_APP_SOURCES, Uri.parse("package:${context.packageName}"))

    companion object {
        /** The signers of a package file are read by this flag alone on every version from Android 8 on. */
        @Suppress("DEPRECATION")
        private const val SIGNERS = PackageManager.GET_SIGNATURES

        internal val last = MutableStateFlow<InstallProblem?>(null)

        @Suppress("DEPRECATION")
        internal fun signers(app: PackageInfo): Set<String> =
            app.signatures.orEmpty().map { hex(MessageDigest.getInstance("SHA-256").digest(it.toByteArray())) }.toSet()

        private fun hex(bytes: ByteArray) = bytes.joinToString("") { "%02x".format(it) }
    }
}

/** Hears what the system says of an install: it wants the person, or it did not happen. */
class InstallReceiver : BroadcastReceiver() {
    override fun onReceive(context: Context, intent: Intent) {
        when (intent.getIntExtra(PackageInstaller.EXTRA_STATUS, PackageInstaller.STATUS_FAILURE)) {
            PackageInstaller.STATUS_SUCCESS -> Unit
            PackageInstaller.STATUS_PENDING_USER_ACTION -> {
                @Suppress("DEPRECATION")
                val ask = intent.getParcelableExtra<Intent>(Intent.EXTRA_INTENT)
                if (ask == null) SystemPackages.last.value = InstallProblem.FAILED else context.startActivity(ask.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK))
            }
            PackageInstaller.STATUS_FAILURE_ABORTED -> SystemPackages.last.value = InstallProblem.DECLINED
            PackageInstaller.STATUS_FAILURE_STORAGE -> SystemPackages.last.value = InstallProblem.NO_ROOM
            PackageInstaller.STATUS_FAILURE_CONFLICT -> SystemPackages.last.value = InstallProblem.NOT_OURS
            else -> SystemPackages.last.value = InstallProblem.FAILED
        }
    }
}
