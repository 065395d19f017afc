//! Hands each entry to the room of its kind and stores the disposition.
//!
//! Each entry is applied in its own savepoint ([`App::attempt`]), together with the reactions to the changes that its
//! room says. An entry that a room or a reaction refuses is rejected with the reason. After any other failure the entry
//! stays `pending` and [`super::sweep`] tries again. Neither affects other entries of the batch or custody.
//!
//! Entries of one record are applied in order: an entry whose `after` is not decided is held until it is.

use super::{
    defects,
    disposition::{Before, failed, set_disposition, set_disposition_releasing, wait},
    held::{DueEntry, HeldEntry, load},
    needs_action, reasons,
};
use crate::{
    activities::records,
    app::{ctx::Ctx, state::App},
    cases::{answers, reports, withdrawal},
    duty::presence,
    entries::{
        reading::EntryContent,
        reviewer::Reviewer,
        row::{EntryRow, EntryState},
        taken::Taken,
    },
    kernel::failure::Failure,
    params,
    people::lookup,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    entry::{Disposition, DispositionState, Entry},
    ids::EntryId,
    payload::{Payload, Withdraw},
    sabotage::{self, Defect},
};
use std::collections::VecDeque;

/// The result of applying an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyOutcome {
    Decided(Disposition),
    /// Another entry has to be decided first.
    Waits(EntryId),
}

impl From<Disposition> for ApplyOutcome {
    fn from(disposition: Disposition) -> Self {
        Self::Decided(disposition)
    }
}

/// What causes an entry to be applied.
#[derive(Debug, Clone, Copy)]
pub(super) enum By<'a> {
    /// Its arrival.
    Arrival,
    /// A reviewer, who accepted what intake or the room left to a person.
    Reviewer(&'a Reviewer),
}

impl<'a> By<'a> {
    fn reviewer(self) -> Option<&'a Reviewer> {
        match self {
            Self::Arrival => None,
            Self::Reviewer(reviewer) => Some(reviewer),
        }
    }
}

/// Applies entries in order, and after each one the entries that waited for it.
pub(super) fn run(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    mut queue: VecDeque<DueEntry>,
) -> Result<(), Failure> {
    // Stays true until an entry of the queue withdraws another or waits for one. Until then each entry of the queue is
    // changed in its own turn only, so what this transaction knows of it still holds.
    let mut alone = true;
    while let Some(DueEntry { held, fresh }) = queue.pop_front() {
        let id = held.reading.id;
        alone &= !matches!(held.reading.content, EntryContent::Known(_, Payload::Withdraw(_)));
        let fresh = fresh.filter(|_| alone);
        // Withdrawn or decided by another entry in the meantime.
        if fresh.is_none()
            && matches!(
                state(tx, id)?,
                Some(EntryState::Applied | EntryState::Review | EntryState::Rejected)
            )
            && !sabotage::is(Defect::AppliedAgainOnResend)
        {
            continue;
        }
        let before = fresh.map(|fresh| Before::of(&held, fresh));
        let released = match app.attempt(tx, ctx, |tx, ctx| decide(tx, ctx, app, &held, By::Arrival)) {
            Ok(ApplyOutcome::Decided(rejected)) if defects::loses_custody(&rejected) => {
                defects::forget(tx, id)?
            }
            Ok(ApplyOutcome::Decided(disposition)) => {
                set_disposition_releasing(tx, ctx, id, disposition, before)?
            }
            Ok(ApplyOutcome::Waits(on)) => {
                alone = false;
                wait(tx, ctx, id, on)?;
                Vec::new()
            }
            Err(failure) => match rejection(&failure) {
                Some(disposition) => set_disposition_releasing(tx, ctx, id, disposition, before)?,
                None => {
                    failed(tx, ctx, id, &failure)?;
                    Vec::new()
                }
            },
        };
        for id in released {
            // An entry that is later in the same batch is in the queue already.
            if !queue.iter().any(|due| due.held.reading.id == id) {
                queue.push_back(load(tx, id)?.into());
            }
        }
    }
    Ok(())
}

/// The rejection for a failure of a room; `None` if a retry may succeed.
pub(super) fn rejection(failure: &Failure) -> Option<Disposition> {
    match failure {
        Failure::Refused(_) if failure.retryable() => None,
        Failure::Refused(refusal) => Some(Disposition::rejected(reasons::refused(refusal))),
        // Text with a NUL character: no engine can store it, so a retry cannot succeed.
        Failure::Store(StoreError::Unportable { why, .. }) => {
            Some(Disposition::rejected(reasons::unreadable(why)))
        }
        Failure::Store(_) | Failure::Internal(_) => None,
    }
}

/// Decides about one entry: checks order and author, then calls the room of its kind.
pub(super) fn decide(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    held: &HeldEntry,
    by: By<'_>,
) -> Result<ApplyOutcome, Failure> {
    let (entry, payload) = match &held.reading.content {
        EntryContent::Known(entry, payload) => (entry.as_ref(), payload),
        EntryContent::UnknownKind => {
            return Ok(Disposition::held(reasons::kind_unknown(&held.reading.kind)).into());
        }
        EntryContent::Newer => return Ok(Disposition::held(reasons::version_unknown()).into()),
        EntryContent::Unreadable(what) => return Ok(Disposition::rejected(reasons::unreadable(what)).into()),
    };
    if matches!(payload, Payload::Void) {
        return Ok(Disposition::applied().into());
    }
    let reviewer = by.reviewer();
    if reviewer.is_none() {
        if let Some(after) = entry.after
            && !is_decided(tx, after)?
        {
            return Ok(ApplyOutcome::Waits(after));
        }
        if !author_fits(tx, held, entry)? {
            return Ok(Disposition::review(reasons::author()).into());
        }
        if lookup::is_unverified(tx, held.person)? {
            return Ok(Disposition::review(reasons::unverified()).into());
        }
    }
    let taken = Taken {
        entry: entry.clone(),
        sha256: held.sha256,
        stream: held.stream,
        received: held.received,
        made: held.made,
    };
    Ok(match payload {
        Payload::CheckIn(p) => presence::check_in(tx, ctx, app, &taken, p, reviewer)?.into(),
        Payload::CheckOut(p) => presence::check_out(tx, ctx, &taken, p)?.into(),
        Payload::Report(p) => reports::file(tx, ctx, app, &taken, p, reviewer)?.into(),
        Payload::Activity(p) => records::submit(tx, ctx, app, &taken, p)?.into(),
        Payload::Answer(p) => match reviewer {
            None => answers::take(tx, ctx, app, &taken, p)?.into(),
            Some(_) => answers::decide(tx, ctx, app, &taken, p, true)?.into(),
        },
        Payload::Withdraw(p) => withdraw(tx, ctx, app, (&taken, held), p, reviewer)?,
        Payload::Void => Disposition::applied().into(),
    })
}

/// Returns true if the entry is applied or rejected, so that others need not wait for it.
fn is_decided(tx: &mut Tx<'_>, id: EntryId) -> Result<bool, StoreError> {
    Ok(matches!(
        state(tx, id)?,
        Some(EntryState::Applied | EntryState::Rejected)
    ))
}

fn state(tx: &mut Tx<'_>, id: EntryId) -> Result<Option<EntryState>, StoreError> {
    tx.opt(
        "SELECT state FROM entry WHERE id = ?1",
        params![id.to_string()],
        |row| row.parse("state"),
    )
}

/// Returns true if the author is the stream's holder and the post is the stream's, or one that the author holds or held:
/// a patroller may be moved to another post with a report unsent (failure story 18).
fn author_fits(tx: &mut Tx<'_>, held: &HeldEntry, entry: &Entry) -> Result<bool, StoreError> {
    if entry.author != held.person {
        return Ok(false);
    }
    if entry.post == held.post {
        return Ok(true);
    }
    let assignments: i64 = tx.one(
        "SELECT COUNT(*) AS n FROM post_holder WHERE post = ?1 AND person = ?2",
        params![entry.post.to_string(), entry.author.to_string()],
        |row| row.get("n"),
    )?;
    Ok(assignments > 0)
}

/// Withdraws an entry. One that was not applied is rejected as withdrawn; for an applied one its room decides. If no
/// room can undo it, the withdrawal goes to review, where it can only be rejected.
fn withdraw(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    (taken, held): (&Taken, &HeldEntry),
    p: &Withdraw,
    reviewer: Option<&Reviewer>,
) -> Result<ApplyOutcome, Failure> {
    let target = tx.opt(
        &format!("{} WHERE e.id = ?1", EntryRow::SELECT),
        params![p.entry.to_string()],
        EntryRow::read,
    )?;
    let Some(target) = target else {
        return Ok(ApplyOutcome::Waits(p.entry));
    };
    if target.author != held.person {
        return Ok(Disposition::rejected(reasons::withdraw_foreign()).into());
    }
    match target.state {
        EntryState::Rejected => {
            needs_action::close(tx, ctx, held.person, target.id, |_| reasons::withdrawn())?;
            Ok(Disposition::applied().into())
        }
        EntryState::Pending | EntryState::Held | EntryState::Review => {
            set_disposition(tx, ctx, target.id, Disposition::rejected(reasons::withdrawn()))?;
            Ok(Disposition::applied().into())
        }
        EntryState::Applied => {
            if let Some(disposition) = withdrawal::withdraw(tx, ctx, app, taken, &target, reviewer)? {
                return Ok(disposition.into());
            }
            if let Some(disposition) = records::withdraw(tx, ctx, app, taken, &target, reviewer)? {
                return Ok(disposition.into());
            }
            if let Some(disposition) = answers::withdraw(tx, ctx, target.id, reviewer)? {
                // The task is open again, so the answer is in force no more.
                if disposition.state == DispositionState::Applied.into() {
                    set_disposition(tx, ctx, target.id, Disposition::rejected(reasons::withdrawn()))?;
                }
                return Ok(disposition.into());
            }
            Ok(Disposition::review(reasons::withdraw_late()).into())
        }
    }
}
