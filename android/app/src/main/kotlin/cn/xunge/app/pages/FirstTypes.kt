package cn.xunge.app.pages

import cn.xunge.core.Matter
import cn.xunge.ids.MatterNumber

/**
 * Types that are offered first to a worker who has not reported any yet: of both tables and of different classes, as in the
 * visual target. Codes of CJ/T 214.
 */
private val FIRST = listOf(
    "E0110", // 道路破损
    "E0102", // 暴露垃圾
    "C0102", // 污水井盖
    "E0504", // 店外经营
    "E0505", // 机动车乱停放
    "E0201", // 非法小广告
).map(::MatterNumber)

/**
 * The types to press at once: what the worker reports most, then those of [FIRST] that the catalogue has, then its others.
 *
 * @param all as the core gives them: those that the worker reported, most used first, then the others by code
 */
internal fun firstTypes(all: List<Matter>, shown: Int): List<Matter> {
    val used = all.dropLast(sortedTail(all))
    val first = FIRST.mapNotNull { code -> all.firstOrNull { it.code == code } }
    return (used + first + all).distinctBy { it.code }.take(shown)
}

/** How many at the end stand by their codes. A type that was used and has a low code may be among them: it comes later then. */
private fun sortedTail(all: List<Matter>): Int = 1 + all.zipWithNext().asReversed().takeWhile { (left, right) -> left.code.text < right.code.text }.size
