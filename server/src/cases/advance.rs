//! Moves a case by one row of the table. Both staff over HTTP and answers from the field call [`advance`]. It checks
//! and applies in this order: role, scope, version, table, approvals, fields, guards, effects, ledger, mail.

use super::{
    apply::{self, NewEvent},
    file::CaseFile,
    history,
    input::{Actor, Input},
    ledger,
    repeat::was_done,
    rules,
    view::{self, CaseView},
};
use crate::{
    app::{ctx::Ctx, state::App},
    auth::actor::Staff,
    http::idempotency::reused,
    kernel::failure::Failure,
    store::tx::Tx,
};
use protocol::{
    case::{self, Action},
    ids::CaseId,
    problem::ProblemCode,
    role::Role,
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
    if file.withdrawn {
        return Err(Failure::because(
            ProblemCode::CaseTransition,
            "案卷已由上报人撤回",
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
    if turn.approved_by.is_some() && turn.approved_by == by.person() {
        return Err(Failure::because(
            ProblemCode::CaseRole,
            "前一步同意由您作出，须由另一人办理",
        ));
    }
    let mut facts = input.facts.clone();
    let from = file.state;
    if turn.moves {
        apply::put(tx, app, &mut file, row, by, input, &mut facts)?;
        apply::check(&file, row.guards, input)?;
        file.state = history::target(row, &events).ok_or_else(|| Failure::internal("no prior state"))?;
        apply::effects(tx, ctx, app, &mut file, row, by, input, &mut facts)?;
    } else {
        apply::put_words(tx, by, input)?;
        apply::check(&file, &turn.guards, input)?;
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
    file.update(tx)?;
    view::tell_author(tx, ctx, &file)?;
    view::of(tx, app, file, by)
}

/// Returns the first of `roles` in which `by` may do `action` to the case. Called before any other check, so that a
/// refusal reveals nothing about a case out of reach.
pub(super) fn authorise(
    file: &CaseFile,
    action: Action,
    roles: &[Role],
    by: &Actor<'_>,
) -> Result<Role, Failure> {
    let names: Vec<&str> = roles.iter().map(|role| role.zh()).collect();
    let mut refusal = Failure::because(
        ProblemCode::CaseRole,
        format!("{} 由{}办理", action.as_str(), names.join("、")),
    );
    match by {
        Actor::Field { .. } if roles.contains(&Role::Patroller) => return Ok(Role::Patroller),
        Actor::Field { .. } | Actor::System => {}
        Actor::Staff(staff) => {
            // Field staff act by answers to tasks, never from the console.
            for role in roles.iter().filter(|role| **role != Role::Patroller) {
                match reaches(staff, *role, file) {
                    Ok(()) => return Ok(*role),
                    Err(e) if e.code() == Some(ProblemCode::Forbidden) => {}
                    Err(e) => refusal = e,
                }
            }
        }
    }
    Err(refusal)
}

/// Checks that a role of `staff` reaches the case: a department its assigned cases, any other role the cases in its
/// area.
fn reaches(staff: &Staff, role: Role, file: &CaseFile) -> Result<(), Failure> {
    match file.department {
        Some(with) if role == Role::Department => {
            if !staff.grants.iter().any(|g| g.role == role) {
                Err(Failure::of(ProblemCode::Forbidden))
            } else if staff.orgs(role).any(|org| org == with) {
                Ok(())
            } else {
                Err(Failure::because(ProblemCode::OutOfScope, "案卷由其他部门处置"))
            }
        }
        Some(_) | None => staff.require(role, &file.area),
    }
}
