package cn.xunge.app.shell

import android.content.Context
import cn.xunge.core.Lang

/** The language that the core's words are wanted in: English where the phone speaks it, else Chinese. */
fun Context.lang(): Lang = if (resources.configuration.locales[0].language == "en") Lang.EN else Lang.ZH
