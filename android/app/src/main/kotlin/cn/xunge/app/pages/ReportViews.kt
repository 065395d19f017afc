/** What the pages of a report have in common. */
package cn.xunge.app.pages

import android.text.Editable
import android.text.TextWatcher
import cn.xunge.app.kit.Field
import cn.xunge.core.Lang
import cn.xunge.core.Matter

/** The name of a type in the language of the screen, as far as the catalogue has it. */
internal fun Matter.name(lang: Lang): String = if (lang == Lang.EN && en.isNotEmpty()) en else zh

/** Tells what is in the field whenever a person changes it. */
internal fun Field.onTyped(tell: (String) -> Unit) = edit.addTextChangedListener(object : TextWatcher {
    override fun beforeTextChanged(text: CharSequence?, start: Int, count: Int, after: Int) = Unit

    override fun onTextChanged(text: CharSequence?, start: Int, before: Int, count: Int) = Unit

    override fun afterTextChanged(text: Editable?) = tell(text.toString())
})
