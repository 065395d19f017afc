package cn.xunge.app.background

import android.app.job.JobInfo
import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.app.job.JobService
import android.content.BroadcastReceiver
import android.content.ComponentName
import android.content.Context
import android.content.Intent
import cn.xunge.app.service
import cn.xunge.app.shell.Opened
import cn.xunge.app.shell.Session
import cn.xunge.app.shell.XungeApp
import cn.xunge.client.loggable
import cn.xunge.client.sync
import cn.xunge.core.SyncTrigger
import cn.xunge.core.XungeException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/** One sync while the app is not looked at, when the core says that one is due. The system wakes the process for it. */
class SyncJob : JobService() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Main)
    private var running: Job? = null

    override fun onStartJob(params: JobParameters): Boolean {
        val session = XungeApp.of(this).session
        running = scope.launch {
            session.syncOnce()
            // The core has planned the next one; `Background` schedules it. This one is done either way.
            jobFinished(params, false)
        }
        return true
    }

    /** The system takes the network or the time back: the sync is cancelled, and what is sent is sent. True: try again. */
    override fun onStopJob(params: JobParameters): Boolean {
        running?.cancel()
        return true
    }

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    companion object {
        const val ID = 1

        /** Wakes the process after [delayMs] when there is a network; survives a restart of the phone. Null: nothing waits. */
        fun schedule(context: Context, delayMs: Long?) {
            val scheduler = context.service<JobScheduler>()
            if (delayMs == null) return scheduler.cancel(ID)
            val job = JobInfo.Builder(ID, ComponentName(context, SyncJob::class.java))
                .setRequiredNetworkType(JobInfo.NETWORK_TYPE_ANY)
                .setMinimumLatency(delayMs.coerceAtLeast(0))
                .setPersisted(true)
                .build()
            scheduler.schedule(job)
        }
    }
}

/** One sync of the current user, as the core allows it now. What it refuses is logged: the core has planned the next one. */
internal suspend fun Session.syncOnce() {
    try {
        open()
        (opened.value as? Opened.Ready)?.handset?.sync(SyncTrigger.AUTOMATIC)
    } catch (failed: XungeException) {
        android.util.Log.i("xunge", failed.loggable())
    }
}

/** After a restart of the phone: opening the session schedules what is due and begins the service of a person on duty. */
class BootReceiver : BroadcastReceiver() {
    override fun onReceive(context: Context, intent: Intent) {
        if (intent.action != Intent.ACTION_BOOT_COMPLETED && intent.action != Intent.ACTION_MY_PACKAGE_REPLACED) return
        val session = XungeApp.of(context).session
        val pending = goAsync()
        CoroutineScope(Dispatchers.Default).launch {
            session.open()
            pending?.finish()
        }
    }
}
