package cn.xunge.app.platform

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.ClipData
import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.content.Intent
import android.database.Cursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.MediaStore
import java.io.File
import java.io.FileNotFoundException

/**
 * Photos on their way into a draft, in the cache. The camera of the system writes into a file whose name follows from the
 * page that waits for it: the page finds it again after the process was gone.
 */
class CaptureFiles(private val context: Context) {
    private val folder: File get() = folderOf(context)

    /** A new file for a photo of our own camera. */
    fun fresh(): File = File(folder, "shot-${System.nanoTime()}.jpg")

    /** The photo of the system's camera that this page waits for, once; null: none came. */
    fun arrived(page: String): File? {
        val file = expected(page)
        return if (file.length() > 0) fresh().takeIf(file::renameTo) else null
    }

    /** Copies pictures that a page asked for and cannot be handed: it was made again meanwhile. */
    fun keepChosen(page: String, pictures: List<File>) {
        chosen(page).forEach { it.delete() }
        pictures.forEachIndexed { at, file -> file.renameTo(File(folder, "${chosenPrefix(page)}$at")) }
    }

    /** The chosen pictures that wait for this page, in the order of the choice. Who takes them deletes them. */
    fun chosen(page: String): List<File> {
        val prefix = chosenPrefix(page)
        val numbered = folder.listFiles().orEmpty().mapNotNull { file -> file.name.substringAfter(prefix, "").toIntOrNull()?.let { it to file } }
        return numbered.sortedBy { it.first }.mapNotNull { (_, file) -> fresh().takeIf(file::renameTo) }
    }

    private fun chosenPrefix(page: String) = "chosen-$page-"

    /** Opens the camera of the system; false if the phone has none. Its photo is looked for when the page is seen again. */
    fun askSystemCamera(activity: Activity, page: String): Boolean {
        val file = expected(page)
        file.delete()
        val uri = Uri.Builder().scheme("content").authority("${context.packageName}.capture").appendPath(file.name).build()
        val ask = Intent(MediaStore.ACTION_IMAGE_CAPTURE).putExtra(MediaStore.EXTRA_OUTPUT, uri).apply {
            clipData = ClipData.newRawUri(null, uri)
            addFlags(Intent.FLAG_GRANT_WRITE_URI_PERMISSION or Intent.FLAG_GRANT_READ_URI_PERMISSION)
        }
        return try {
            // For a result, as some cameras leave out the file otherwise. The result itself says nothing that is needed.
            activity.startActivityForResult(ask, SYSTEM_CAMERA)
            true
        } catch (none: ActivityNotFoundException) {
            false
        }
    }

    private fun expected(page: String) = File(folder, "system-$page.jpg")

    internal companion object {
        const val SYSTEM_CAMERA = 40

        fun folderOf(context: Context) = File(context.cacheDir, "capture").apply { mkdirs() }
    }
}

/** Lets the system's camera write the one file that it was asked for. Nobody else gets at it: it is not exported. */
class CaptureProvider : ContentProvider() {
    override fun onCreate() = true

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        val context = context ?: throw FileNotFoundException()
        val name = uri.lastPathSegment.orEmpty()
        if (!NAME.matches(name)) throw FileNotFoundException()
        return ParcelFileDescriptor.open(File(CaptureFiles.folderOf(context), name), ParcelFileDescriptor.parseMode(mode))
    }

    override fun getType(uri: Uri) = "image/jpeg"

    override fun query(uri: Uri, columns: Array<String>?, where: String?, values: Array<String>?, order: String?): Cursor? = null

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun delete(uri: Uri, where: String?, values: Array<String>?) = 0

    override fun update(uri: Uri, values: ContentValues?, where: String?, given: Array<String>?) = 0

    private companion object {
        val NAME = Regex("system-[A-Za-z0-9-]+\\.jpg")
    }
}
