/**
 * Errors of the core.
 *
 * The rule of the log: log [loggable] of an error, never its `message`, and never the error itself. The message of a
 * [XungeException] holds words and details, which name files and persons. `LogRuleTest` looks for offenders.
 */
package cn.xunge.client

import cn.xunge.core.Lang
import cn.xunge.core.Why
import cn.xunge.core.Words
import cn.xunge.core.XungeException

/** Why the call failed. */
val XungeException.why: Why
    get() = when (this) {
        is XungeException.Failed -> why
    }

/** The stable code, such as `terminal.closed`. */
val XungeException.code: String get() = why.code

/** What to tell the person. */
fun XungeException.words(lang: Lang): String = why.words.inLang(lang)

/** The text in the language of the screen. */
fun Words.inLang(lang: Lang): String = when (lang) {
    Lang.ZH -> zh
    Lang.EN -> en
}

/** What a log may say about an error: the core's code, or the name of a class. */
fun Throwable.loggable(): String = when (this) {
    is XungeException -> code
    else -> javaClass.name
}
