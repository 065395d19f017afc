package cn.xunge.app.pages

import cn.xunge.app.platform.InstallProblem
import cn.xunge.app.platform.OwnApp
import cn.xunge.app.platform.Packages
import cn.xunge.core.AppUpdate
import cn.xunge.core.HandsetInterface
import cn.xunge.core.ScreenChanges
import cn.xunge.core.Today
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.withContext

/**
 * 应用更新.
 *
 * @param update the newer app; null: this one is the newest
 * @param problem why the last press installed nothing
 * @param copying the package is being given to the system
 */
data class UpdateState(
    val own: OwnApp,
    val update: AppUpdate?,
    val today: Today,
    val problem: InstallProblem? = null,
    val copying: Boolean = false,
) {
    val isReady: Boolean get() = update?.`package` != null
}

class UpdatePresenter(
    private val handset: HandsetInterface,
    changes: Flow<ScreenChanges>,
    private val packages: Packages,
    private val io: CoroutineDispatcher,
) {
    private val reader = Reader(io)
    private val refused = MutableStateFlow<InstallProblem?>(null)
    private val copying = MutableStateFlow(false)

    val states: Flow<Read<UpdateState>> = combine(
        reader.states(changes) { UpdateState(packages.own, handset.appUpdate(packages.own.build), handset.today()) },
        refused,
        packages.problem,
        copying,
    ) { read, refused, system, copying -> read.copy(it = read.it?.copy(problem = refused ?: system, copying = copying)) }

    /** Checks the package and gives it to the system. What waits stays on the handset and is sent by the newer app. */
    suspend fun install(update: AppUpdate) = withContext(io) {
        refused.value = null
        copying.value = true
        try {
            refused.value = packages.check(update)
            if (refused.value == null) packages.install(update)
        } finally {
            copying.value = false
        }
    }
}
