package cn.xunge.app.platform

import android.content.Context
import android.content.Intent
import android.content.pm.PackageInfo
import android.content.pm.PackageInstaller
import android.content.pm.Signature
import cn.xunge.app.XungeRunner
import cn.xunge.core.AppUpdate
import cn.xunge.ids.PhotoHash
import org.junit.Assert.assertEquals
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import java.io.File

/** What may be installed, and what the system says of it. */
@RunWith(XungeRunner::class)
class PackagesTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val context: Context get() = RuntimeEnvironment.getApplication()
    private val ours = Signature("a1b2")
    private val signer by lazy { SystemPackages.signers(PackageInfo().apply { signatures = arrayOf(ours) }).single() }
    private val file: File by lazy { folder.newFile("app.apk").apply { writeBytes(ByteArray(5000)) } }
    private val update get() = AppUpdate("1.4.0", 14u, 5000UL, 5000UL, PhotoHash(signer), file.path, false)

    @Before
    fun installed() {
        SystemPackages.last.value = null
        shadowOf(context.packageManager).getInternalMutablePackageInfo(context.packageName).signatures = arrayOf(ours)
        allow(true)
    }

    private fun allow(yes: Boolean) = shadowOf(context.packageManager).setCanRequestPackageInstalls(yes)

    private fun holds(name: String = context.packageName, build: Int = 14, signature: Signature = ours) {
        @Suppress("DEPRECATION")
        val info = PackageInfo().apply {
            packageName = name
            versionCode = build
            signatures = arrayOf(signature)
        }
        shadowOf(context.packageManager).setPackageArchiveInfo(file.path, info)
    }

    @Test
    fun `only our app by our signer in the build that the server named is installed`() {
        val packages = SystemPackages(context)
        holds()
        assertEquals(null, packages.check(update))
        allow(false)
        assertEquals(InstallProblem.NOT_ALLOWED, packages.check(update))
        allow(true)
        for (wrong in listOf({ holds(name = "cn.other") }, { holds(build = 15) }, { holds(signature = Signature("c3d4")) })) {
            wrong()
            assertEquals(InstallProblem.NOT_OURS, packages.check(update))
        }
        holds()
        assertEquals(InstallProblem.NOT_OURS, packages.check(update.copy(signer = PhotoHash("7".repeat(64)))))
    }

    @Test
    fun `the package is given to the system's installer whole`() {
        SystemPackages(context).install(update)
        val session = context.packageManager.packageInstaller.allSessions.single()
        assertEquals(context.packageName, session.appPackageName)
        assertEquals(null, SystemPackages.last.value)
    }

    @Test
    fun `the system asks the person, and a no is told`() {
        val receiver = InstallReceiver()
        val ask = Intent("ask.the.person")
        receiver.onReceive(context, said(PackageInstaller.STATUS_PENDING_USER_ACTION).putExtra(Intent.EXTRA_INTENT, ask))
        assertEquals("ask.the.person", shadowOf(RuntimeEnvironment.getApplication()).nextStartedActivity.action)
        for ((status, problem) in listOf(
            PackageInstaller.STATUS_FAILURE_ABORTED to InstallProblem.DECLINED,
            PackageInstaller.STATUS_FAILURE_STORAGE to InstallProblem.NO_ROOM,
            PackageInstaller.STATUS_FAILURE_CONFLICT to InstallProblem.NOT_OURS,
            PackageInstaller.STATUS_FAILURE_INVALID to InstallProblem.FAILED,
        )) {
            receiver.onReceive(context, said(status))
            assertEquals(problem, SystemPackages.last.value)
        }
    }

    private fun said(status: Int) = Intent().putExtra(PackageInstaller.EXTRA_STATUS, status)
}
