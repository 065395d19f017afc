package cn.xunge.app.pages

import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Route

/** The page of a route. */
fun pageOf(route: Route, host: Host): Page<*> = when (route) {
    Route.Today -> TodayPage(host)
    Route.Tasks -> TasksPage(host)
    is Route.TaskPage -> TaskPage(host, route.task)
    is Route.TaskCamera -> TaskCameraPage(host, route.task, route.answer)
    Route.Months -> MonthsPage(host)
    is Route.Activity -> ActivityPage(host, route.draft?.let(RecordOf::Draft) ?: RecordOf.New)
    is Route.ReviseActivity -> ActivityPage(host, RecordOf.Revise(route.record))
    Route.Enrol -> EnrolPage(host)
    else -> TodayPage(host)
}
