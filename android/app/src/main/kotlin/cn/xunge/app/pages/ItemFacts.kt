package cn.xunge.app.pages

import android.content.Context
import cn.xunge.app.R
import cn.xunge.app.count
import cn.xunge.app.kit.Card
import cn.xunge.app.kit.Column
import cn.xunge.app.kit.Label
import cn.xunge.app.kit.Lead
import cn.xunge.app.kit.Mark
import cn.xunge.app.kit.RowCard
import cn.xunge.app.kit.RowModel
import cn.xunge.app.kit.State
import cn.xunge.app.kit.Tone
import cn.xunge.client.inLang
import cn.xunge.core.ItemContent
import cn.xunge.core.Lang
import cn.xunge.core.Place
import cn.xunge.core.answerWords
import cn.xunge.core.momentWords

/** What was said in an item, in words and rows. */
internal class ItemFacts(private val context: Context, private val lang: Lang) {
    fun add(column: Column, view: ItemView) {
        spoken(view.content)?.let { column.add(Card(context)).add(Label(context)).text = it }
        val rows = RowCard(context)
        for (model in rows(view)) rows.row(model)
        if (rows.childCount > 0) column.add(rows)
    }

    /** What the person wrote himself. */
    private fun spoken(content: ItemContent): String? = when (content) {
        is ItemContent.Report -> content.text
        is ItemContent.Activity -> content.summary
        is ItemContent.TaskAnswer -> content.text
        is ItemContent.Check -> content.note
        is ItemContent.Withdrawal -> content.reason
        ItemContent.Void, ItemContent.Unknown -> null
    }?.takeIf { it.isNotBlank() }

    private fun rows(view: ItemView): List<RowModel> = listOfNotNull(
        answer(view.content),
        held(view),
        place(view),
        RowModel(momentWords(view.row.made, view.now), Lead.Small(R.drawable.ic_clock), sub = text(R.string.item_made)),
        handled(view.content),
        case(view),
    )

    private fun answer(content: ItemContent): RowModel? {
        val answer = (content as? ItemContent.TaskAnswer)?.answer ?: return null
        return RowModel(answerWords(lang, answer), Lead.Small(R.drawable.ic_list_check), sub = text(R.string.item_answer))
    }

    private fun held(view: ItemView): RowModel? {
        val activity = view.content as? ItemContent.Activity ?: return null
        val from = momentWords(activity.starts, view.now)
        val until = momentWords(activity.ends, activity.starts)
        val sub = listOf(activity.place, activity.organiser, context.count(R.plurals.item_people, activity.participants.toInt()))
        return RowModel("$from – $until", Lead.Small(R.drawable.ic_calendar), sub = sub.filter { it.isNotBlank() }.joinToString(" · "))
    }

    private fun place(view: ItemView): RowModel? {
        val report = view.content as? ItemContent.Report
        val found = (view.place as? Place.In)?.cell
        val code = report?.cell ?: found?.code
        val fix = view.item?.fix
        val accuracy = fix?.line?.inLang(lang) ?: view.position?.let { accuracyWords(context, it.accuracyCm) }
        val doubt = fix?.doubts.orEmpty().joinToString(text(R.string.spoken_comma)) { it.fact.inLang(lang) }
            .ifEmpty { null }?.let { Mark(R.drawable.ic_alert, Tone.WARNING, it) }
        val cell = code?.let { text(R.string.cell_name, it.short()) }
        val named = report?.address?.takeIf { it.isNotBlank() } ?: found?.community?.takeIf { found.code == code } ?: cell ?: text(R.string.place_outside).takeIf { doubt != null } ?: return null
        val sub = listOfNotNull(cell?.takeIf { it != named }, accuracy)
        return RowModel(named, Lead.Small(R.drawable.ic_pin), doubt, sub = sub.joinToString(" · ").ifEmpty { null })
    }

    private fun handled(content: ItemContent): RowModel? =
        if ((content as? ItemContent.Report)?.selfHandled == true) RowModel(text(R.string.item_self_handled), Lead.Small(R.drawable.ic_check)) else null

    private fun case(view: ItemView): RowModel? {
        val number = view.item?.caseNumber ?: return null
        val state = view.row.caseState?.let { State.of("case_$it") }
        val mark = state?.let { Mark(it.icon, it.tone, context.getString(it.word)) }
        return RowModel(text(R.string.item_case, number), Lead.Small(R.drawable.ic_archive), mark)
    }

    private fun text(id: Int, vararg args: Any): String = context.getString(id, *args)
}
