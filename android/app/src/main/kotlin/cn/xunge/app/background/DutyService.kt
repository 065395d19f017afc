package cn.xunge.app.background

import android.app.Service
import android.content.Context
import android.content.Intent
import android.os.IBinder
import cn.xunge.client.loggable

/**
 * Keeps the process alive from check-in to check-out, with a quiet notice. The line itself is held by the watch of the
 * session, under the core's budget for a shift; this service does nothing else.
 */
class DutyService : Service() {
    override fun onBind(intent: Intent?): IBinder? = null

    override fun onStartCommand(intent: Intent?, flags: Int, startId: Int): Int {
        startForeground(Notices.DUTY_NOTICE, Notices(this).onDuty())
        // Started again without an intent after the system ended the process: the session opens as at any start.
        return START_STICKY
    }

    companion object {
        /** Begins or ends it. A system that does not allow a start from the background is no fault: the job syncs then. */
        fun run(context: Context, onDuty: Boolean) {
            val intent = Intent(context, DutyService::class.java)
            if (!onDuty) {
                context.stopService(intent)
                return
            }
            try {
                context.startForegroundService(intent)
            } catch (refused: IllegalStateException) {
                android.util.Log.i("xunge", refused.loggable())
            }
        }
    }
}
