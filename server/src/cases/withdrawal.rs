//! Withdrawals of reports (撤回, X23). A withdrawn case is in the state [`CaseState::Withdrawn`]: in no queue, and counted
//! as withdrawn.
//!
//! The author alone may withdraw a report that nobody has worked on. After the acceptor has, the withdrawal waits in the
//! review queue; an accepted one moves the case, or the reviewer is refused, so an author never reads 已撤回 of a case
//! that goes on.

use super::{
    advance::advance,
    file::CaseFile,
    input::{Actor, Input},
    late::{accepted_by, moved_on, too_late},
    ledger::{self, EventActor, LedgerEvent},
    view,
};
use crate::{
    app::{ctx::Ctx, state::App},
    entries::{reviewer::Reviewer, row::EntryRow, taken::Taken},
    kernel::failure::Failure,
    params,
    store::tx::Tx,
};
use protocol::{
    case::{Action, CaseState, creates, transition},
    entry::Disposition,
    ids::CaseId,
    payload::Withdraw,
};
use serde_json::{Map, json};

/// Withdraws a report; `None`: the entry is not a report. Without a `reviewer` only a report that nobody has worked on;
/// any other withdrawal is left to a person. With one, error `case.transition` for a case that is filed or closed.
pub fn withdraw(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    taken: &Taken,
    target: &EntryRow,
    reviewer: Option<&Reviewer>,
) -> Result<Option<Disposition>, Failure> {
    let Some(case) = CaseFile::of_record(tx, target.record)? else {
        return Ok(None);
    };
    if case.is_withdrawn() {
        return Ok(Some(Disposition::applied()));
    }
    let is_author = case.reporter == Some(taken.entry.author);
    let mut facts = Map::new();
    facts.insert("entry".into(), json!(taken.entry.id));
    if let Some(reviewer) = reviewer {
        reviewer.reach(case.area)?;
        if !is_author || transition(case.state, Action::Withdraw).is_err() {
            return Err(too_late(&case));
        }
        accepted_by(&mut facts, reviewer);
    } else if !is_author || Some(case.state) != first_state() {
        return Ok(Some(Disposition::review(moved_on(&case))));
    }
    let reason =
        serde_json::from_str(taken.entry.payload.get()).map_or(String::new(), |w: Withdraw| w.reason);
    let input = Input {
        facts,
        ..Input::words(reason, Vec::new())
    };
    let by = Actor::Field {
        person: taken.entry.author,
        post: taken.entry.post,
    };
    advance(tx, ctx, app, case.id, Action::Withdraw, &by, &input)?;
    Ok(Some(Disposition::applied()))
}

/// The state of a report that nobody has worked on.
fn first_state() -> Option<CaseState> {
    use protocol::case::To;
    creates(Action::Report).and_then(|row| match row.to {
        To::State(state) => Some(state),
        To::Prior => None,
    })
}

/// Gives the cases that were withdrawn before X23 was a state their event and the state. Runs when the server starts; an
/// event is appended, because the ledger's last event has to name the state. Returns how many there were.
pub async fn renew(app: &App) -> Result<usize, Failure> {
    let found: Vec<CaseId> = app
        .read(move |tx| {
            // The condition is the index's.
            Ok(tx.all(
                "SELECT id FROM case_file WHERE withdrawn AND state <> 'withdrawn' ORDER BY id",
                params![],
                |row| row.parse("id"),
            )?)
        })
        .await?;
    for case in &found {
        let case = *case;
        app.write(move |tx, ctx| append_event(tx, ctx, case)).await?;
    }
    Ok(found.len())
}

fn append_event(tx: &mut Tx<'_>, ctx: &mut Ctx, id: CaseId) -> Result<(), Failure> {
    let mut case = CaseFile::load(tx, id)?;
    // Another replica started at the same time.
    if case.is_withdrawn() {
        return Ok(());
    }
    let action = Action::Withdraw.as_str();
    let said = ledger::events(&ledger::load(tx, id)?)
        .into_iter()
        .rfind(|event| event.action == action);
    let mut facts = Map::new();
    facts.insert("event".into(), json!(said.map(|event| event.id)));
    let from = case.state;
    case.state = CaseState::Withdrawn;
    case.version += 1;
    case.updated = ctx.now;
    ledger::append(
        tx,
        &LedgerEvent {
            case: id,
            seq: case.version,
            id: ctx.event_id(),
            transition: transition(from, Action::Withdraw)
                .ok()
                .map(|row| row.id.to_owned()),
            action: action.to_owned(),
            from: Some(from),
            to: case.state,
            actor: EventActor::SYSTEM,
            at: ctx.now,
            opinion: String::new(),
            attachments: Vec::new(),
            facts,
        },
    )?;
    case.update(tx, ctx)?;
    view::tell_author(tx, ctx, &case)
}
