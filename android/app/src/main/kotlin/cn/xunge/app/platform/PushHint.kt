package cn.xunge.app.platform

/**
 * A vendor's push (厂商推送) behind one interface: a hint that the server may have something. It carries no data, so the
 * vendor learns nothing but the time, and a hint that is lost or forged costs one sync at most. The build that is handed out
 * has none; see `android/README.md` for how an operator puts one in.
 */
interface PushHint {
    /** Calls [hint] from now on, on any thread and as often as it likes; also for a message that woke the process. */
    fun start(hint: () -> Unit)

    /** No hint is wanted any more. */
    fun stop()
}
