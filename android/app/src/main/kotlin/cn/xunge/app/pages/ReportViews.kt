/** What the pages of a report have in common. */
package cn.xunge.app.pages

import android.content.Context
import android.graphics.drawable.Drawable
import android.text.Editable
import android.text.TextWatcher
import cn.xunge.app.R
import cn.xunge.app.kit.Field
import cn.xunge.app.kit.Flow
import cn.xunge.app.kit.Shot
import cn.xunge.app.kit.ShotPlace
import cn.xunge.app.kit.Tone
import cn.xunge.core.Lang
import cn.xunge.core.Matter

/** A thumbnail is small: drawing it on the screen's thread takes no longer than a frame. */
internal fun DraftShot.thumbnail(context: Context): Drawable? = picture?.let { drawn(context, it.jpeg, THUMBNAIL) }

private const val THUMBNAIL = 320

/** The name of a type in the language of the screen, as far as the catalogue has it. */
internal fun Matter.name(lang: Lang): String = if (lang == Lang.EN && en.isNotEmpty()) en else zh

/** The photos of a draft in a row, and the place for one more. */
internal fun shots(
    context: Context,
    photos: List<DraftShot>,
    icon: Int,
    tone: Tone = Tone.NEUTRAL,
    onLook: (DraftShot, Int) -> Unit,
    onMore: () -> Unit,
) = Flow(context).apply {
    photos.forEachIndexed { at, photo ->
        addView(Shot(context, photo.thumbnail(context), context.getString(R.string.photo_number, at + 1)) { onLook(photo, at + 1) })
    }
    addView(ShotPlace(context, icon, context.getString(R.string.photo_more), tone = tone, onClick = onMore))
}

/** Tells what is in the field whenever a person changes it. */
internal fun Field.onTyped(tell: (String) -> Unit) = edit.addTextChangedListener(object : TextWatcher {
    override fun beforeTextChanged(text: CharSequence?, start: Int, count: Int, after: Int) = Unit

    override fun onTextChanged(text: CharSequence?, start: Int, before: Int, count: Int) = Unit

    override fun afterTextChanged(text: Editable?) = tell(text.toString())
})
