package cn.xunge.app.pages

import cn.xunge.core.HandsetInterface
import cn.xunge.core.Position
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onStart

/** Where the handset is: first what the last fix said, then each new one. Without a cell where the core refuses. */
internal fun HandsetInterface.located(fixes: Flow<Position>): Flow<Here> = fixes
    .map { fix -> Here(place(fix), fix, null, orNull { judgeFix(fix) }) }
    .onStart {
        val last = orNull { lastFix() }
        emit(Here(last?.let { place(it.position) }, null, last?.ageMs))
    }

private fun HandsetInterface.place(fix: Position) = orNull { whereIs(fix.point, fix.accuracyCm) }
