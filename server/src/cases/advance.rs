//! Moves a case by one row of the table. Both staff over HTTP and answers from the field call [`advance`]. It checks
//! and applies in this order: role, scope, version, table, approvals, fields, guards, effects, ledger, mail.

use super::{
    apply::{self, NewEvent},
    attached,
    authority::authorise,
    file::CaseFile,
    history,
    input::{Actor, Input},
    ledger,
    repeat::was_done,
    rules,
    shape::CaseView,
    view,
};
use crate::{
    app::{ctx::Ctx, state::App},
    entries::flags::Flag,
    http::idempotency::reused,
    kernel::failure::Failure,
    store::tx::Tx,
};
use protocol::{
    case::{self, Action},
    ids::CaseId,
    problem::ProblemCode,
};
use serde_json::json;

/// Moves a case by one row of the table. Errors: `case.role`, `auth.scope`, `case.changed`, `case.transition`,
/// `case.guard`, `request.invalid`, `place.outside_grid`.
pub fn advance(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    case: CaseId,
    action: Action,
    by: &Actor<'_>,
    input: &Input,
) -> Result<CaseView, Failure> {
    let mut file = CaseFile::load(tx, case)?;
    authorise(&file, action, &case::roles(action), by)?;
    if let Some((_, said)) = was_done(tx, input, Some(case), action)? {
        // Compare only opinion and photos: the other fields were already stored in the case.
        if said.opinion != input.opinion() || said.attachments != input.attachments() {
            return Err(Failure::fields(ProblemCode::Invalid, vec![reused()]));
        }
        return view::of(tx, app, file, by);
    }
    if input.expected_version.is_some_and(|seen| seen != file.version) {
        return Err(Failure::because(
            ProblemCode::CaseChanged,
            format!("案卷现为第 {} 版，状态「{}」", file.version, file.state.zh()),
        ));
    }
    let row = case::transition(file.state, action).map_err(|e| {
        Failure::because(
            ProblemCode::CaseTransition,
            rules::not_from_here(e.state, e.action),
        )
    })?;
    let events = if history::matters(row) {
        ledger::events(&ledger::load(tx, case)?)
    } else {
        Vec::new()
    };
    let turn = history::turn(row, &events);
    let role = authorise(&file, action, turn.roles, by)?;
    if turn.approved_by == Some(by.person()) {
        return Err(Failure::because(
            ProblemCode::CaseRole,
            "前一步同意由您作出，须由另一人办理",
        ));
    }
    let mut facts = input.facts.clone();
    let from = file.state;
    let area = file.area;
    if turn.moves {
        apply::put(tx, app, &mut file, row, by, input, &mut facts)?;
        // Who acts here must also be allowed to act where the act moves the case.
        if file.area != area {
            authorise(&file, action, turn.roles, by)?;
        }
        apply::check(tx, &file, row.guards, input)?;
        file.state = history::target(row, &events).ok_or_else(|| Failure::internal("no prior state"))?;
        if action == Action::Handle
            && attached::note(
                tx,
                &file,
                input.attachments(),
                app.settings.photo_near_bits,
                ctx.now,
            )?
        {
            file.flag(Flag::PhotoReused);
            facts.insert("flags".into(), json!([Flag::PhotoReused.as_str()]));
        }
        apply::effects(tx, ctx, app, &mut file, row, by, input, &mut facts)?;
    } else {
        apply::put_words(tx, by, input)?;
        apply::check(tx, &file, &turn.guards, input)?;
    }
    if let Some(approval) = turn.number {
        facts.insert(history::APPROVAL.into(), json!(approval));
    }
    apply::record(
        tx,
        ctx,
        &mut file,
        NewEvent {
            transition: Some(row.id),
            action: row.action.as_str(),
            from: Some(from),
            by,
            role: Some(role),
            input,
            facts,
        },
    )?;
    file.update(tx, ctx)?;
    view::tell_author(tx, ctx, &file)?;
    view::of(tx, app, file, by)
}
