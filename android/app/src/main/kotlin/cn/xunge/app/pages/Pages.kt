package cn.xunge.app.pages

import cn.xunge.app.lock.Asking
import cn.xunge.app.lock.LockPage
import cn.xunge.app.lock.LockPresenter
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Route
import cn.xunge.app.shell.XungeApp

/** The page of a route. */
fun pageOf(route: Route, host: Host): Page<*> = when (route) {
    Route.Today -> TodayPage(host)
    is Route.Camera -> CameraPage(host, route.draft)
    is Route.Types -> TypesPage(host, route.draft)
    is Route.Submit -> SubmitPage(host, route.draft)
    is Route.PlaceOf -> PlaceOfPage(host, route.draft)
    is Route.Sent -> SentPage(host, route.item)
    Route.Pin -> pin(host)
    else -> TodayPage(host)
}

private fun pin(host: Host): Page<*> {
    val gate = XungeApp.of(host.context).gate
    val done = {
        gate.open()
        host.back()
    }
    return LockPage(host, LockPresenter(gate.lock, Asking.NEW, host.session.io, done), onForgotten = null)
}
