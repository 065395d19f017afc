package cn.xunge.app.pages

import android.text.Editable
import android.text.TextWatcher
import android.view.View
import android.widget.LinearLayout
import cn.xunge.app.R
import cn.xunge.app.kit.EmptyState
import cn.xunge.app.kit.Field
import cn.xunge.app.kit.IconButton
import cn.xunge.app.kit.Place
import cn.xunge.app.kit.RowList
import cn.xunge.app.kit.Screen
import cn.xunge.app.kit.tokens
import cn.xunge.app.shell.Host
import cn.xunge.app.shell.Route

/** 历史: the author's records of 24 months by days. */
class HistoryPage(host: Host) : ReadPage<HistoryState>(host, R.string.history_title) {
    private val presenter by lazy { host.session.run { HistoryPresenter(handset, changes, io) } }
    private var list: RowList? = null
    private var field: Field? = null
    private var lines: HistoryLines? = null
    private var older: () -> Unit = {}

    override fun states() = presenter.states

    override fun screen(state: HistoryState): Screen = Screen(context).apply {
        list = null
        if (state.rows.isEmpty()) {
            title(text(R.string.history_title), host::back)
            column.add(EmptyState(context, R.drawable.ic_clock, text(R.string.history_empty), text(R.string.history_empty_sub)))
        } else {
            title(text(R.string.history_title), host::back, IconButton(context, R.drawable.ic_search, text(R.string.search)) { search() })
            body(searchable(state))
        }
        navigation(Place.ME, state.today.tasksOpen.toInt()) { host.switch(it) }
    }

    private fun searchable(state: HistoryState): View = LinearLayout(context).apply {
        orientation = LinearLayout.VERTICAL
        val match = LinearLayout.LayoutParams.MATCH_PARENT
        val field = Field(context, R.id.history_search, null, text(R.string.history_hint), icon = R.drawable.ic_search)
        field.edit.contentDescription = text(R.string.search)
        field.text = state.query.orEmpty()
        field.visibility = if (state.query == null) View.GONE else View.VISIBLE
        field.edit.addTextChangedListener(Typed { presenter.find(it) })
        val side = context.tokens.dp(12)
        addView(field, LinearLayout.LayoutParams(match, LinearLayout.LayoutParams.WRAP_CONTENT).apply { setMargins(side, context.tokens.dp(8), side, 0) })
        val list = RowList(context, ::open)
        addView(list, LinearLayout.LayoutParams(match, 0, 1f))
        this@HistoryPage.field = field
        this@HistoryPage.list = list
        show(list, state)
    }

    override fun change(screen: Screen, before: HistoryState, state: HistoryState): Boolean {
        val list = list ?: return false
        if (state.rows.isEmpty() || before.today.tasksOpen != state.today.tasksOpen) return false
        show(list, state)
        return true
    }

    private fun show(list: RowList, state: HistoryState) {
        val lines = HistoryLines(context, host.lang, state) { presenter.more(state) }
        this.lines = lines
        older = { presenter.more(state) }
        list.show(lines)
    }

    private fun search() {
        val field = field ?: return
        if (field.visibility == View.VISIBLE) return close()
        field.visibility = View.VISIBLE
        field.edit.requestFocus()
        presenter.find("")
    }

    private fun close() {
        field?.visibility = View.GONE
        field?.text = ""
        presenter.find(null)
    }

    override fun onBack(): Boolean {
        if (field?.visibility != View.VISIBLE) return false
        close()
        return true
    }

    private fun open(number: Long) {
        if (number == HistoryLines.OLDER) return older()
        lines?.row(number)?.item?.let { host.go(Route.Item(it)) }
    }

    private class Typed(private val tell: (String) -> Unit) : TextWatcher {
        override fun beforeTextChanged(text: CharSequence?, start: Int, count: Int, after: Int) = Unit

        override fun onTextChanged(text: CharSequence?, start: Int, before: Int, count: Int) = Unit

        override fun afterTextChanged(text: Editable?) = tell(text.toString())
    }
}
