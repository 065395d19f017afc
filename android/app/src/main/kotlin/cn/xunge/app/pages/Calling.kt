package cn.xunge.app.pages

import android.content.ActivityNotFoundException
import android.content.Context
import android.content.Intent
import android.net.Uri
import cn.xunge.app.R
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.client.loggable
import cn.xunge.core.Contact

/** The card with the number of the administrator (管理员); a press opens the phone's own dialling with it. */
internal fun callCard(context: Context, contact: Contact): RowCard = RowCard(context).apply {
    val name = contact.name.ifEmpty { context.getString(R.string.call_administrator) }
    val model = RowModel(context.getString(R.string.call_title, name), Lead.Small(R.drawable.ic_phone), sub = contact.phone, action = context.getString(R.string.call_do))
    row(model) { dial(context, contact) }
}

/** Nothing is called before the person presses the phone's own button. A device without telephony shows the number only. */
internal fun dial(context: Context, contact: Contact) {
    try {
        context.startActivity(Intent(Intent.ACTION_DIAL, Uri.fromParts("tel", contact.phone, null)))
    } catch (none: ActivityNotFoundException) {
        android.util.Log.i("xunge", none.loggable())
    }
}
