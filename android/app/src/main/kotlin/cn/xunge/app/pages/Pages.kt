package cn.xunge.app.pages

import cn.xunge.app.R
import cn.xunge.app.lock.FingerPage
import cn.xunge.app.lock.FingerPresenter
import cn.xunge.app.lock.LockPage
import cn.xunge.app.lock.LockPresenter
import cn.xunge.app.lock.askFinger
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
    Route.Queue -> QueuePage(host)
    is Route.Item -> ItemPage(host, route.item)
    Route.Tasks -> TasksPage(host)
    is Route.TaskPage -> TaskPage(host, route.task)
    is Route.TaskCamera -> TaskCameraPage(host, route.task, route.answer)
    is Route.Map -> MapPage(host, route.task)
    Route.Months -> MonthsPage(host)
    is Route.Activity -> ActivityPage(host, route.draft?.let(RecordOf::Draft) ?: RecordOf.New)
    is Route.ReviseActivity -> ActivityPage(host, RecordOf.Revise(route.record))
    Route.History -> HistoryPage(host)
    Route.Me -> MePage(host)
    Route.Storage -> StoragePage(host)
    Route.NetworkRules -> RulesPage(host)
    Route.Battery -> BatteryPage(host)
    Route.Users -> UsersPage(host)
    Route.Export -> ExportPage(host)
    Route.Look -> LookPage(host)
    Route.Licences -> LicencesPage(host)
    Route.Update -> UpdatePage(host)
    Route.Pin -> pin(host)
    Route.Finger -> finger(host)
    Route.Enrol -> EnrolPage(host)
}

private fun finger(host: Host): Page<*> {
    val gate = XungeApp.of(host.context).gate
    val digits = { done: () -> Unit -> LockPresenter(gate.lock, sets = false, host.session.io, done = done) }
    return FingerPage(host, FingerPresenter(gate.finger, askFinger(host.context, R.string.finger_prompt_on), digits))
}

private fun pin(host: Host): Page<*> {
    val gate = XungeApp.of(host.context).gate
    val done = {
        gate.open()
        host.back()
    }
    return LockPage(host, LockPresenter(gate.lock, sets = true, host.session.io, done = done), onForgotten = null)
}
