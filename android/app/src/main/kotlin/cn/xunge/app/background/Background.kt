package cn.xunge.app.background

import android.content.Context
import cn.xunge.app.shell.Opened
import cn.xunge.app.shell.Session
import cn.xunge.app.shell.chosen
import cn.xunge.app.shell.lang
import cn.xunge.client.changes
import cn.xunge.client.inLang
import cn.xunge.client.loggable
import cn.xunge.core.Handset
import cn.xunge.core.HandsetChange
import cn.xunge.core.ScreenChanges
import cn.xunge.core.XungeException
import kotlinx.coroutines.flow.collectLatest
import kotlinx.coroutines.withContext

/**
 * What goes on without a page: the service while the person is on duty, the job for the next sync, the notices. It
 * follows what changes in the open handset and decides nothing else.
 */
class Background(private val context: Context, private val session: Session) {
    private val notices = Notices(context)
    private var onDuty: Boolean? = null

    /** Runs until it is cancelled. */
    suspend fun run() {
        session.opened.collectLatest { opened ->
            if (opened !is Opened.Ready) return@collectLatest
            try {
                opened.handset.changes(session.io).collect { tell(opened.handset, it) }
            } catch (ended: XungeException) {
                android.util.Log.i("xunge", ended.loggable())
            }
        }
    }

    private suspend fun tell(handset: Handset, changes: ScreenChanges) = withContext(session.io) {
        val today = handset.today()
        if (HandsetChange.PRESENCE in changes.what && today.isOnDuty != onDuty) {
            onDuty = today.isOnDuty
            DutyService.run(context, today.isOnDuty)
        }
        changes.tasksGone.forEach(notices::gone)
        if (HandsetChange.TASKS in changes.what) {
            // Not only those that arrived now: the process may have ended between arrival and notice.
            handset.tasks().filter { !it.isSeen && it.answered == null }.forEach { notices.arrived(it, it.dueWords.inLang(context.chosen().lang())) }
        }
        if (HandsetChange.QUEUE in changes.what) notices.returned(today.returned.toInt())
        SyncJob.schedule(context, handset.nextDue()?.let { it.millis - today.now.millis })
    }
}
