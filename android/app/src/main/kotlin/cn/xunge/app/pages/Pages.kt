package cn.xunge.app.pages

import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Page
import cn.xunge.app.shell.Route

/** The page of a route. */
fun pageOf(route: Route, host: Host): Page<*> = when (route) {
    Route.Today -> TodayPage(host)
    Route.Queue -> QueuePage(host)
    is Route.Item -> ItemPage(host, route.item)
    Route.History -> HistoryPage(host)
    Route.Me -> MePage(host)
    Route.Storage -> StoragePage(host)
    Route.NetworkRules -> RulesPage(host)
    Route.Users -> UsersPage(host)
    Route.Export -> ExportPage(host)
    Route.Licences -> LicencesPage(host)
    else -> TodayPage(host)
}
