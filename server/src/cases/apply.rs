//! Applies a row of the table to a case: stores its fields, checks its guards, applies its effects, and writes the
//! event. A field that sets nothing in the case needs no code here, an effect needs an arm; no code depends on the id of a
//! row.

use super::{
    departments,
    file::CaseFile,
    input::{Actor, Input},
    ledger::{self, EventActor, LedgerEvent},
    photos,
    rules::{self, GuardFacts},
};
use crate::{
    app::{ctx::Ctx, state::App},
    grids::place,
    kernel::failure::{Failure, field_error},
    photos::view::is_uploaded_by,
    store::tx::Tx,
    tasks::{
        assign,
        task::{Order, Task},
    },
};
use protocol::{
    case::{CaseClock, CaseState, Effect, Field, FieldValue, Guard, Transition, WORDS},
    duty::Purpose,
    ids::TaskId,
    photo::Sha256,
    problem::{FieldError, ProblemCode},
    role::Role,
};
use serde_json::{Map, Value, json};

fn refused(errors: Vec<FieldError>) -> Result<(), Failure> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Failure::fields(ProblemCode::Invalid, errors))
    }
}

/// Stores the given fields in the case and in `facts`. Errors: `request.invalid` for fields that the row does not
/// take and for values out of bounds or unknown, `place.outside_grid` for a place in no grid.
pub(super) fn put(
    tx: &mut Tx<'_>,
    app: &App,
    file: &mut CaseFile,
    row: &Transition,
    by: &Actor<'_>,
    input: &Input,
    facts: &mut Map<String, Value>,
) -> Result<(), Failure> {
    refused(unfit(row.takes, by, input))?;
    let mut errors = Vec::new();
    let (point, cell) = input.place();
    let found = place::find(app, point, cell);
    if let Ok(Some((cell, grid))) = &found {
        file.put_in_cell(*cell, grid.clone());
        file.place = point.or_else(|| app.grids.centre(*cell));
        facts.insert("cell".into(), json!(cell));
    }
    for value in &input.values {
        match value {
            // The opinion is stored in the event.
            FieldValue::Opinion(_) => {}
            FieldValue::Attachments(attachments) => errors.extend(not_uploaded(tx, by, attachments)?),
            FieldValue::Matter(matter) => {
                if app.catalogue.find(*matter).is_none() {
                    errors.push(field_error(
                        format!("/{}", Field::Matter),
                        "类型不在目录中",
                        "the catalogue does not contain this matter type",
                    ));
                } else if file.matter != Some(*matter) {
                    file.matter = Some(*matter);
                    facts.insert("matter".into(), json!(matter));
                }
            }
            // Both were resolved above.
            FieldValue::Place(_) | FieldValue::Cell(_) => {}
            FieldValue::Address(address) => address.trim().clone_into(&mut file.address),
            FieldValue::Level(level) => {
                file.level = Some(*level);
                facts.insert("level".into(), json!(level));
            }
            FieldValue::Department(department) => {
                if !departments::handles(tx, *department, file.area)? {
                    errors.push(field_error(
                        format!("/{}", Field::Department),
                        "该单位不是这一区域的处置部门",
                        "this unit is not a handling department for this place",
                    ));
                }
                file.department = Some(*department);
                facts.insert("department".into(), json!(department));
            }
            FieldValue::CheckPassed(passed) => {
                file.check_passed = Some(*passed);
                facts.insert("passed".into(), json!(passed));
            }
            // Every other field is a fact of the event only.
            fact => {
                facts.insert(fact.field().to_string(), json!(fact));
            }
        }
    }
    refused(errors)?;
    found.map(|_| ())
}

/// Checks opinion and photos of an approval that brings no other field, and refuses any other field.
pub(super) fn put_words(tx: &mut Tx<'_>, by: &Actor<'_>, input: &Input) -> Result<(), Failure> {
    refused(unfit(WORDS, by, input))?;
    refused(not_uploaded(tx, by, input.attachments())?)
}

/// Returns errors for fields that are not taken and for values out of bounds. Input from the field was entered
/// earlier and offline, and is never refused for its length.
fn unfit(takes: &[Field], by: &Actor<'_>, input: &Input) -> Vec<FieldError> {
    let mut errors = rules::fields_not_taken(takes, &input.values);
    if matches!(by, Actor::Staff(_)) {
        errors.extend(input.values.iter().filter_map(rules::out_of_bounds));
    }
    errors
}

/// Returns errors for photos that this member of staff did not upload: knowing a hash does not prove possession of
/// the photo.
fn not_uploaded(tx: &mut Tx<'_>, by: &Actor<'_>, attachments: &[Sha256]) -> Result<Vec<FieldError>, Failure> {
    let Actor::Staff(staff) = by else {
        return Ok(Vec::new());
    };
    let mut errors = Vec::new();
    for (i, sha256) in attachments.iter().enumerate() {
        if !is_uploaded_by(tx, *sha256, staff.person)? {
            errors.push(field_error(
                format!("/{}/{i}", Field::Attachments),
                "没有收到这张照片，请先上传",
                "the server does not have this photo; upload it first",
            ));
        }
    }
    Ok(errors)
}

/// Returns `case.guard` when the case, after its fields were stored, does not meet all guards.
pub(super) fn check(
    tx: &mut Tx<'_>,
    file: &CaseFile,
    guards: &[Guard],
    input: &Input,
) -> Result<(), Failure> {
    let facts = GuardFacts::of(file, photos::has_before_and_after(tx, file)?);
    let missing = rules::missing(guards, facts, |field| input.gives(field));
    if missing.is_empty() {
        Ok(())
    } else {
        Err(unmet(&missing))
    }
}

fn unmet(missing: &[Guard]) -> Failure {
    Failure::fields(
        ProblemCode::CaseGuard,
        missing.iter().copied().map(rules::guard_error).collect(),
    )
}

/// Applies the effects of a row in their order. The case is already in its new state.
#[allow(clippy::too_many_arguments)] // the sides of a step, and only this room calls it
pub(super) fn effects(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    file: &mut CaseFile,
    row: &Transition,
    by: &Actor<'_>,
    input: &Input,
    facts: &mut Map<String, Value>,
) -> Result<(), Failure> {
    for effect in row.effects {
        match effect {
            Effect::NewRound => {
                file.rounds += 1;
                file.check_passed = None;
                facts.insert("round".into(), json!(file.rounds));
            }
            Effect::StartClock(CaseClock::Handle) => {
                let limit = input
                    .limit()
                    .ok_or_else(|| Failure::internal("a clock without a limit"))?;
                let due = app.calendar.now().deadline(ctx.now, limit);
                file.deadline = Some(due.at);
                file.deadline_provisional = due.provisional;
                facts.insert("deadline".into(), json!(due.at));
            }
            Effect::EndClock(CaseClock::Handle) => {
                let in_time = file.deadline.is_none_or(|due| ctx.now <= due);
                facts.insert("in_time".into(), json!(in_time));
            }
            Effect::NotSelfHandled => {
                file.self_handled = false;
                facts.insert("self_handled".into(), json!(false));
            }
            Effect::SendTask(purpose) => {
                file.check_passed = None;
                let task = send(tx, ctx, app, file, *purpose, by)?;
                facts.insert("task".into(), json!(task));
            }
        }
    }
    Ok(())
}

/// Sends the case's own task to its cell.
fn send(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    file: &CaseFile,
    purpose: Purpose,
    by: &Actor<'_>,
) -> Result<TaskId, Failure> {
    let cell = file.cell.ok_or_else(|| unmet(&[Guard::TypeAndPlace]))?;
    let minutes = match purpose {
        Purpose::Verify => app.settings.verify_minutes,
        Purpose::Check | Purpose::Inspect => app.settings.check_minutes,
    };
    let matter = file
        .matter
        .and_then(|m| app.catalogue.find(m))
        .map_or("", |m| m.zh.as_str());
    let wording = format!("{}：{matter} {}", purpose.zh(), file.text)
        .trim()
        .to_owned();
    let task = Task::new(
        ctx,
        Order {
            purpose,
            wording,
            cell,
            grid: file.grid.clone(),
            place: file.place,
            address: file.address.clone(),
            due: ctx.now.plus(i64::from(minutes) * 60_000),
            compare: photos::to_compare(tx, file)?,
            case: Some(file.id),
            drives: true,
            issued_by: Some(by.person()),
        },
    );
    assign::issue(tx, ctx, task)
}

/// An event to be written.
pub(super) struct NewEvent<'a> {
    /// Id of the row; `None` for an event without a transition, such as a revised report.
    pub transition: Option<&'static str>,
    pub action: &'a str,
    pub from: Option<CaseState>,
    pub by: &'a Actor<'a>,
    /// Role in which the actor performed the action.
    pub role: Option<Role>,
    /// Opinion, photos and request name of the act.
    pub input: &'a Input,
    pub facts: Map<String, Value>,
}

/// Writes an event of the case, whose state is already the new one, and increments the case's version. The caller
/// writes the case.
pub(super) fn record(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    file: &mut CaseFile,
    event: NewEvent<'_>,
) -> Result<(), Failure> {
    let next = next(ctx, file, event);
    ledger::append(tx, &next)
}

/// Writes a new case with its first event.
pub(super) fn create(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    file: &mut CaseFile,
    event: NewEvent<'_>,
) -> Result<(), Failure> {
    let first = next(ctx, file, event);
    file.insert(tx, ctx)?;
    ledger::append(tx, &first)
}

fn next(ctx: &mut Ctx, file: &mut CaseFile, event: NewEvent<'_>) -> LedgerEvent {
    file.version += 1;
    file.updated = ctx.now;
    let post = match event.by {
        Actor::Field { post, .. } => Some(*post),
        Actor::Staff(_) => None,
    };
    let fresh = ctx.event_id();
    LedgerEvent {
        case: file.id,
        seq: file.version,
        id: event.input.request.unwrap_or(fresh),
        transition: event.transition.map(str::to_owned),
        action: event.action.to_owned(),
        from: event.from,
        to: file.state,
        actor: EventActor {
            person: Some(event.by.person()),
            role: event.role,
            post,
        },
        at: ctx.now,
        opinion: event.input.opinion().to_owned(),
        attachments: event.input.attachments().to_vec(),
        facts: event.facts,
    }
}
