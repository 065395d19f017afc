package cn.xunge.app.background

import android.app.Notification
import android.app.NotificationManager
import android.app.job.JobInfo
import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.os.Looper
import cn.xunge.app.FakeAndroidKeyStore
import cn.xunge.app.XungeRunner
import cn.xunge.app.pages.WorkScene
import cn.xunge.app.shell.XungeApp
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadow.api.Shadow
import java.util.concurrent.locks.LockSupport

@RunWith(XungeRunner::class)
class BackgroundTest {
    private val app get() = RuntimeEnvironment.getApplication() as XungeApp
    private val scheduler get() = checkNotNull(app.getSystemService(JobScheduler::class.java))
    private val manager get() = checkNotNull(app.getSystemService(NotificationManager::class.java))

    @Test
    fun `the job waits for the core's time and for a network, and survives a restart`() {
        SyncJob.schedule(app, 90_000)
        val job = checkNotNull(scheduler.getPendingJob(SyncJob.ID))
        assertEquals(90_000L, job.minLatencyMillis)
        assertEquals(JobInfo.NETWORK_TYPE_ANY, job.networkType)
        assertTrue(job.isPersisted)
        SyncJob.schedule(app, -5)
        assertEquals("what is overdue is due now", 0L, scheduler.getPendingJob(SyncJob.ID)?.minLatencyMillis)
        SyncJob.schedule(app, null)
        assertNull("nothing waits", scheduler.getPendingJob(SyncJob.ID))
    }

    @Test
    fun `a job on a phone that nobody enrolled ends by itself`() {
        FakeAndroidKeyStore.install()
        val service = Robolectric.buildService(SyncJob::class.java).create().get()
        assertTrue(service.onStartJob(Shadow.newInstanceOf(JobParameters::class.java)))
        val deadline = System.nanoTime() + 20_000_000_000
        while (!shadowOf(service).isJobFinished && System.nanoTime() < deadline) {
            shadowOf(Looper.getMainLooper()).idle()
            LockSupport.parkNanos(5_000_000)
        }
        assertTrue("the job is finished", shadowOf(service).isJobFinished)
        assertFalse("the core plans the next one, not the system", shadowOf(service).isRescheduleNeeded)
        runBlocking { app.session.end() }
    }

    @Test
    fun `a notice names task, time and place, and the lock screen none of them`() {
        val notices = Notices(app)
        val task = WorkScene.soon
        notices.arrived(task, "剩余 38 分")
        val notice = checkNotNull(shadowOf(manager).getNotification(task.id.text, Notices.TASK))
        assertEquals(task.wording, notice.extras.getString("android.title"))
        assertTrue(notice.extras.getString("android.text").orEmpty().startsWith("剩余 38 分 · "))
        assertEquals(Notification.VISIBILITY_PRIVATE, notice.visibility)
        val public = notice.publicVersion
        assertNotNull(public)
        assertFalse(task.wording in public.extras.getString("android.title").orEmpty())
        notices.gone(task.id)
        assertNull("a task that is gone is told no more", shadowOf(manager).getNotification(task.id.text, Notices.TASK))
    }

    @Test
    fun `returned items are told until none is left`() {
        val notices = Notices(app)
        notices.returned(2)
        assertTrue("2" in shadowOf(manager).getNotification(Notices.RETURNED).extras.getString("android.title").orEmpty())
        notices.returned(0)
        assertNull(shadowOf(manager).getNotification(Notices.RETURNED))
    }

    @Test
    fun `the notice of duty is quiet`() {
        Notices(app)
        val channel = manager.getNotificationChannel(Notices.DUTY)
        assertEquals(NotificationManager.IMPORTANCE_LOW, channel.importance)
    }
}
