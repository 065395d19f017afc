/** Files of other apps that the person chose. */
package cn.xunge.app.platform

import android.content.Context
import android.net.Uri
import android.provider.DocumentsContract
import android.provider.OpenableColumns
import cn.xunge.app.R
import cn.xunge.client.loggable
import java.io.FileNotFoundException

/** Deletes a document; one that is not there any more, because its stick was pulled, is none of ours. */
internal fun Context.drop(uri: Uri) {
    try {
        DocumentsContract.deleteDocument(checkNotNull(contentResolver), uri)
    } catch (gone: FileNotFoundException) {
        android.util.Log.i("xunge", gone.loggable())
    } catch (refused: UnsupportedOperationException) {
        android.util.Log.i("xunge", refused.loggable())
    } catch (unknown: IllegalArgumentException) {
        android.util.Log.i("xunge", unknown.loggable())
    } catch (closed: SecurityException) {
        android.util.Log.i("xunge", closed.loggable())
    }
}

/** What the file is called where it was put. */
internal fun Context.nameOf(uri: Uri): String? = contentResolver?.query(uri, arrayOf(OpenableColumns.DISPLAY_NAME), null, null, null)?.use { found ->
    if (found.moveToFirst()) found.getString(0) else null
}

/**
 * Where the file is, as a person calls it: a folder of the phone, a stick or card, or the app that keeps it. Null if the phone
 * does not say.
 */
internal fun Context.placeOf(uri: Uri): String? = when (uri.authority) {
    STORAGE -> {
        val (volume, path) = DocumentsContract.getDocumentId(uri).orEmpty().split(':', limit = 2).let { it[0] to it.getOrElse(1) { "" } }
        val root = getString(if (volume == "primary") R.string.export_in_phone else R.string.export_on_stick)
        (listOf(root) + path.split('/').dropLast(1).filter { it.isNotEmpty() }).joinToString(" › ")
    }
    DOWNLOADS -> getString(R.string.export_in_downloads)
    else -> uri.authority?.let { packageManager?.resolveContentProvider(it, 0) }?.loadLabel(checkNotNull(packageManager))?.toString()
}

private const val STORAGE = "com.android.externalstorage.documents"
private const val DOWNLOADS = "com.android.providers.downloads.documents"
