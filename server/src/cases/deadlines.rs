//! Deadlines that were computed without the calendar of a year are computed again once the year was imported (SJ-10).

use super::{
    file::CaseFile,
    ledger::{self, EventActor, LedgerEvent},
};
use crate::{
    app::{ctx::Ctx, state::App},
    kernel::failure::Failure,
    params,
    store::tx::Tx,
};
use protocol::{
    calendar::{Calendar, Due, Limit},
    case::{CaseState, Field},
    ids::CaseId,
    time::Millis,
};
use serde_json::json;

/// Action of the event; no step of a case, so the transition table does not know it.
const ACTION: &str = "deadline";
/// Cases of one sweep.
const AT_ONCE: i64 = 500;

/// Computes the provisional deadlines of cases that a department handles again, and writes an event where the calendar
/// knows all days by now. Returns the number of cases.
pub async fn sweep(app: &App) -> Result<usize, Failure> {
    let calendar = app.calendar.now();
    let ready = app
        .read(move |tx| {
            // By the index of these cases, which a city with calendars has none of.
            let cases: Vec<CaseId> = tx.all(
                "SELECT id FROM case_file WHERE deadline_provisional AND state = ?1 ORDER BY deadline, id LIMIT ?2",
                params![CaseState::Handling.as_str(), AT_ONCE],
                |row| row.parse("id"),
            )?;
            let mut ready = Vec::new();
            for case in cases {
                if final_deadline(tx, &calendar, case)?.is_some() {
                    ready.push(case);
                }
            }
            Ok(ready)
        })
        .await?;
    let count = ready.len();
    for case in ready {
        let calendar = app.calendar.now();
        app.write(move |tx, ctx| settle(tx, ctx, &calendar, case)).await?;
    }
    Ok(count)
}

/// The deadline by this calendar, `None` while it would be provisional again.
fn final_deadline(tx: &mut Tx<'_>, calendar: &Calendar, case: CaseId) -> Result<Option<Millis>, Failure> {
    let events = ledger::events(&ledger::load(tx, case)?);
    let due = clock(&events).map(|(start, limit)| calendar.deadline(start, limit));
    Ok(due.and_then(|Due { at, provisional }| (!provisional).then_some(at)))
}

/// When the clock started, and its limit.
fn clock(events: &[LedgerEvent]) -> Option<(Millis, Limit)> {
    let of = |event: &LedgerEvent| {
        let limit = event.facts.get(&Field::Limit.to_string())?;
        Some((event.at, serde_json::from_value(limit.clone()).ok()?))
    };
    events.iter().rev().find_map(of)
}

fn settle(tx: &mut Tx<'_>, ctx: &mut Ctx, calendar: &Calendar, case: CaseId) -> Result<(), Failure> {
    let mut file = CaseFile::load(tx, case)?;
    let Some(due) = final_deadline(tx, calendar, case)? else {
        return Ok(());
    };
    // Another replica or a step of the case came first.
    if !file.deadline_provisional || file.state != CaseState::Handling {
        return Ok(());
    }
    let before = file.deadline.replace(due);
    file.deadline_provisional = false;
    file.version += 1;
    file.updated = ctx.now;
    let facts = [
        ("deadline".to_owned(), json!(due)),
        ("provisional_deadline".to_owned(), json!(before)),
    ];
    let event = LedgerEvent {
        case,
        seq: file.version,
        id: ctx.event_id(),
        transition: None,
        action: ACTION.into(),
        from: None,
        to: file.state,
        actor: EventActor::SYSTEM,
        at: ctx.now,
        opinion: String::new(),
        attachments: Vec::new(),
        facts: facts.into_iter().collect(),
    };
    ledger::append(tx, &event)?;
    file.update(tx, ctx)
}
