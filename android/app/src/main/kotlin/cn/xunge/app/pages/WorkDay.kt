package cn.xunge.app.pages

import cn.xunge.ids.Moment
import java.time.Instant
import java.time.LocalDate
import java.time.ZoneId

/** Days are those of the work, wherever the phone is. */
private val ZONE = ZoneId.of("Asia/Shanghai")

/** The day of a moment. */
internal fun workDay(at: Moment): LocalDate = Instant.ofEpochMilli(at.millis).atZone(ZONE).toLocalDate()
