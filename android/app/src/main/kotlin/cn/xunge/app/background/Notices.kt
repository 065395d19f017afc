package cn.xunge.app.background

import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.content.Context
import android.content.Intent
import cn.xunge.app.R
import cn.xunge.app.service
import cn.xunge.app.shell.MainActivity
import cn.xunge.app.shell.Route
import cn.xunge.app.shell.chosen
import cn.xunge.core.FieldTask
import cn.xunge.ids.TaskKey

/**
 * What the phone tells while the app is not looked at: a task that arrived, items that were returned, and quietly that
 * the person is on duty. A notice names the task and its place, because the person decides by them whether to go; the
 * lock screen shows neither.
 */
class Notices(private val context: Context) {
    private val manager = context.service<NotificationManager>()

    /** Looked up at each notice: the language may have been switched meanwhile. */
    private val words get() = context.chosen()

    init {
        manager.createNotificationChannel(channel(NEWS, R.string.channel_news, NotificationManager.IMPORTANCE_HIGH))
        manager.createNotificationChannel(channel(DUTY, R.string.channel_duty, NotificationManager.IMPORTANCE_LOW))
    }

    /** A task is told once and taken back when it is gone; the id of the notice is the task's. */
    fun arrived(task: FieldTask, due: String) = manager.notify(
        task.id.text,
        TASK,
        news(task.wording, listOfNotNull(due, task.address ?: task.cellName?.line).joinToString(" · "), Route.TaskPage(task.id)).build(),
    )

    fun gone(task: TaskKey) = manager.cancel(task.text, TASK)

    /** How many items wait for their author; none takes the notice back. */
    fun returned(count: Int) {
        if (count == 0) return manager.cancel(RETURNED)
        manager.notify(RETURNED, news(words.getString(R.string.today_returned, count), null, Route.Queue).build())
    }

    /** The notice that stands while the person is on duty. */
    fun onDuty(): Notification = Notification.Builder(context, DUTY)
        .setSmallIcon(R.drawable.ic_user_check)
        .setContentTitle(words.getString(R.string.state_on_duty))
        .setContentText(words.getString(R.string.duty_notice))
        .setContentIntent(open(Route.Today))
        .setOngoing(true)
        .setShowWhen(false)
        .setVisibility(Notification.VISIBILITY_SECRET)
        .build()

    private fun news(title: String, text: String?, route: Route): Notification.Builder = Notification.Builder(context, NEWS)
        .setSmallIcon(R.drawable.ic_bell)
        .setContentTitle(title)
        .setContentText(text)
        .setContentIntent(open(route))
        .setAutoCancel(true)
        .setOnlyAlertOnce(true)
        .setVisibility(Notification.VISIBILITY_PRIVATE)
        .setPublicVersion(
            Notification.Builder(context, NEWS).setSmallIcon(R.drawable.ic_bell).setContentTitle(words.getString(R.string.notice_private)).build(),
        )

    private fun open(route: Route): PendingIntent {
        val intent = Intent(context, MainActivity::class.java).putExtra(MainActivity.ROUTE, route.text()).addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
        return PendingIntent.getActivity(context, route.text().hashCode(), intent, PendingIntent.FLAG_UPDATE_CURRENT or PendingIntent.FLAG_IMMUTABLE)
    }

    private fun channel(id: String, name: Int, importance: Int) = NotificationChannel(id, words.getString(name), importance)

    companion object {
        const val DUTY = "duty"
        const val NEWS = "news"
        const val TASK = 1
        const val RETURNED = 2
        const val DUTY_NOTICE = 3
    }
}
