package cn.xunge.app.pages

import android.Manifest
import android.app.Activity
import android.content.Context
import android.content.Intent
import android.content.pm.PackageManager
import android.net.Uri
import android.provider.Settings
import cn.xunge.app.shell.Host

internal fun Context.mayUseCamera() = checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED

/**
 * Asks for the camera, and with it for [more]. Once the person has refused for good the system does not ask any more: then
 * its settings are opened, and the page looks again when it comes back. Else [answered] is called.
 */
internal fun Host.askForCamera(more: List<String> = emptyList(), answered: () -> Unit) = permit(listOf(Manifest.permission.CAMERA) + more) {
    val activity = context as? Activity
    if (!context.mayUseCamera() && activity?.shouldShowRequestPermissionRationale(Manifest.permission.CAMERA) == false) {
        activity.startActivity(appSettings(context))
    } else {
        answered()
    }
}

/** The system's page about this app. */
internal fun appSettings(context: Context) = Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, Uri.fromParts("package", context.packageName, null))
