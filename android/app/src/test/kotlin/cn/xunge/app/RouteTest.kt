package cn.xunge.app

import cn.xunge.app.shell.Route
import cn.xunge.core.Answer
import cn.xunge.ids.EntryKey
import cn.xunge.ids.RecordKey
import cn.xunge.ids.TaskKey
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test

class RouteTest {
    private val entry = EntryKey("01K5ENTRY")
    private val routes = listOf(
        Route.Today, Route.Camera(), Route.Camera(entry), Route.Types(entry), Route.Submit(entry), Route.PlaceOf(entry), Route.Sent(entry),
        Route.Queue, Route.Item(entry), Route.Tasks, Route.TaskPage(TaskKey("t")), Route.TaskCamera(TaskKey("t"), Answer.NOT_RECTIFIED),
        Route.Map(), Route.Map(TaskKey("t")), Route.Months, Route.Activity(), Route.Activity(entry), Route.ReviseActivity(RecordKey("r")), Route.History, Route.Me, Route.Storage,
        Route.NetworkRules, Route.Battery, Route.Users, Route.Export, Route.Look, Route.Licences, Route.Update, Route.Pin, Route.Finger, Route.Enrol,
    )

    @Test
    fun `every route survives the end of the process`() = assertEquals(routes, routes.map { Route.of(it.text()) })

    @Test
    fun `a text of another version leads nowhere`() {
        for (text in listOf("", "Garage", "Types", "TaskCamera t", "TaskCamera t MAYBE")) assertNull(text, Route.of(text))
    }
}
