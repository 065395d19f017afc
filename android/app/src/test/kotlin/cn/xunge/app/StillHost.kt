package cn.xunge.app

import android.content.Context
import cn.xunge.app.kit.Place
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Route
import cn.xunge.app.shell.Session
import cn.xunge.app.shell.XungeApp
import cn.xunge.app.shell.lang
import cn.xunge.core.Lang
import java.io.File

/** A host for pictures: its pages lead nowhere. */
class StillHost(override val context: Context) : Host {
    override val session: Session get() = XungeApp.of(context).session
    override val lang: Lang get() = context.lang()

    override fun go(route: Route) = Unit

    override fun replace(route: Route) = Unit

    override fun back() = Unit

    override fun switch(place: Place) = Unit

    override fun permit(permissions: List<String>, answer: (Boolean) -> Unit) = answer(true)

    override fun choosePictures(page: String, answer: (List<File>) -> Unit) = Unit

    override fun createFile(name: String, answer: (android.net.Uri?) -> Unit) = false
}
