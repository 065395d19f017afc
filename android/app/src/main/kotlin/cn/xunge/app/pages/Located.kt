package cn.xunge.app.pages

import cn.xunge.core.HandsetInterface
import cn.xunge.core.Position
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onStart

/** Where the handset is: first what the last fix said, then each new one. */
internal fun HandsetInterface.located(fixes: Flow<Position>): Flow<Here> = fixes
    .map { fix -> Here(whereIs(fix.point, fix.accuracyCm), fix, null) }
    .onStart {
        val last = lastFix()
        emit(Here(last?.let { whereIs(it.position.point, it.position.accuracyCm) }, null, last?.ageMs))
    }
