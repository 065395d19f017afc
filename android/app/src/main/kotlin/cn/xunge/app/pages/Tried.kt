package cn.xunge.app.pages

import cn.xunge.client.why
import cn.xunge.core.Why
import cn.xunge.core.XungeException

/** What the core answered, or why it refused. */
internal sealed class Tried<out T> {
    data class Done<T>(val value: T) : Tried<T>()

    data class Refused(val why: Why) : Tried<Nothing>()
}

internal inline fun <T> tried(call: () -> T): Tried<T> = try {
    Tried.Done(call())
} catch (failed: XungeException) {
    Tried.Refused(failed.why)
}

/** What the core answered; null if it refused, where a screen does as well without. */
internal inline fun <T> orNull(call: () -> T): T? = (tried(call) as? Tried.Done)?.value
