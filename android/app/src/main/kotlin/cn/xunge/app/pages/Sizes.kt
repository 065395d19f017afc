package cn.xunge.app.pages

import cn.xunge.core.sizeWords

/** A size for people. The core's words end at megabytes; a phone's storage needs gigabytes. */
internal fun sizeText(bytes: Long): String = when {
    bytes >= GIGABYTE -> "${tenths(bytes, GIGABYTE)} GB"
    bytes >= HUNDRED_MEGABYTES -> "${bytes / MEGABYTE} MB"
    else -> sizeWords(bytes.coerceAtLeast(0).toULong())
}

private fun tenths(bytes: Long, unit: Long): String = (bytes / (unit / 10)).let { "${it / 10}.${it % 10}" }

private const val MEGABYTE = 1_000_000L
private const val HUNDRED_MEGABYTES = 100 * MEGABYTE
private const val GIGABYTE = 1_000 * MEGABYTE
