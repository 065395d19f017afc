//! Hands each entry to the room of its kind and stores the disposition.
//!
//! Each entry is applied in its own savepoint ([`App::attempt`]), together with the reactions to the changes that its
//! room says. An entry that a room or a reaction refuses is rejected with the reason. After any other failure the entry
//! stays `pending` and [`super::sweep`] tries again. Neither affects other entries of the batch or custody.
//!
//! Entries of one record are applied in order: an entry whose `after` is not decided is held until it is.

use super::{defects, needs_action, reasons};
use crate::{
    activities::records,
    app::{ctx::Ctx, state::App, tally::CountedKind},
    cases::{answers, reports, withdrawal},
    duty::presence,
    entries::{
        reading::{EntryContent, Reading},
        reviewer::Reviewer,
        row::{EntryRow, EntryState, made},
        taken::Taken,
    },
    kernel::failure::Failure,
    params,
    people::lookup,
    store::{error::StoreError, hint::Hint, tx::Tx},
};
use protocol::{
    entry::{Disposition, DispositionState, Entry},
    evidence::TrustedTime,
    feed::DispositionRow,
    ids::{EntryId, PersonId, PostId, RecordId, StreamId},
    payload::{Payload, Withdraw},
    photo::Sha256,
    planted,
    sabotage::{self, Defect},
    time::Millis,
};
use std::collections::VecDeque;

/// After this many failures the author sees that the entry is stuck; the sweep still retries it.
const VISIBLE_AFTER: i64 = 5;

/// An entry in custody, ready to be applied.
#[derive(Debug, Clone)]
pub(super) struct HeldEntry {
    pub reading: Reading,
    pub sha256: Sha256,
    pub stream: StreamId,
    /// The stream's holder, whose mailbox the disposition goes to.
    pub person: PersonId,
    pub post: PostId,
    pub received: Millis,
    pub made: TrustedTime,
}

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
    mut queue: VecDeque<HeldEntry>,
) -> Result<(), Failure> {
    while let Some(held) = queue.pop_front() {
        let id = held.reading.id;
        // Withdrawn or decided by another entry in the meantime.
        if matches!(
            state(tx, id)?,
            Some(EntryState::Applied | EntryState::Review | EntryState::Rejected)
        ) && !sabotage::is(Defect::AppliedAgainOnResend)
        {
            continue;
        }
        let released = match app.attempt(tx, ctx, |tx, ctx| decide(tx, ctx, app, &held, By::Arrival)) {
            Ok(ApplyOutcome::Decided(rejected)) if defects::loses_custody(&rejected) => {
                defects::forget(tx, id)?
            }
            Ok(ApplyOutcome::Decided(disposition)) => set_disposition_releasing(tx, ctx, id, disposition)?,
            Ok(ApplyOutcome::Waits(on)) => {
                wait(tx, ctx, id, on)?;
                Vec::new()
            }
            Err(failure) => match rejection(&failure) {
                Some(disposition) => set_disposition_releasing(tx, ctx, id, disposition)?,
                None => {
                    failed(tx, ctx, id, &failure)?;
                    Vec::new()
                }
            },
        };
        for id in released {
            // An entry that is later in the same batch is in the queue already.
            if !queue.iter().any(|h| h.reading.id == id) {
                queue.push_back(load(tx, id)?);
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

/// Stores the disposition of an entry and updates its author's mailbox. Entries that waited for it become pending and are
/// applied by the next sweep.
pub fn set_disposition(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    entry: EntryId,
    disposition: Disposition,
) -> Result<(), Failure> {
    if !set_disposition_releasing(tx, ctx, entry, disposition)?.is_empty() {
        tx.after_commit(Hint::Jobs);
    }
    Ok(())
}

/// Like [`set_disposition`], and returns the entries that waited for this one, now pending, for the caller to apply.
pub(super) fn set_disposition_releasing(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    entry: EntryId,
    disposition: Disposition,
) -> Result<Vec<EntryId>, Failure> {
    let Some(state) = disposition.state.known().copied() else {
        return Err(Failure::internal("a disposition of our own has an unknown state"));
    };
    write(tx, ctx, entry, None, disposition)?;
    let decided = matches!(state, DispositionState::Applied | DispositionState::Rejected);
    if !decided || sabotage::is(Defect::HeldNeverReleased) {
        return Ok(Vec::new());
    }
    let mut released: Vec<(i64, EntryId)> = tx.all(
        "UPDATE entry SET state = 'pending', waits_for = NULL, attempts = 0 WHERE waits_for = ?1
         RETURNING id, n, stream",
        params![entry.to_string()],
        |row| {
            let stream: StreamId = row.parse("stream")?;
            let (held, pending) = (EntryState::Held.as_str(), EntryState::Pending.as_str());
            // Only a held entry waits for another.
            ctx.tally
                .moved(CountedKind::Entry, Some((stream, held)), (stream, pending));
            Ok((row.get("n")?, row.parse("id")?))
        },
    )?;
    released.sort_unstable();
    Ok(released.into_iter().map(|(_, id)| id).collect())
}

/// Holds an entry until another is decided.
fn wait(tx: &mut Tx<'_>, ctx: &mut Ctx, entry: EntryId, on: EntryId) -> Result<(), Failure> {
    write(tx, ctx, entry, Some(on), Disposition::held(reasons::waiting()))
}

/// What the database holds of an entry before its disposition is written.
struct Stored {
    stream: StreamId,
    author: PersonId,
    record: RecordId,
    state: EntryState,
    /// JSON of the reason.
    reason: Option<String>,
    /// It arrived in a parcel.
    was_sealed: bool,
}

impl Stored {
    fn load(tx: &mut Tx<'_>, entry: EntryId) -> Result<Self, StoreError> {
        tx.one(
            "SELECT s.person, e.stream, e.record, e.state, e.reason, c.id AS parcel FROM entry e
             JOIN stream s ON s.id = e.stream LEFT JOIN parcel c ON c.id = e.push WHERE e.id = ?1",
            params![entry.to_string()],
            |row| {
                Ok(Self {
                    stream: row.parse("stream")?,
                    author: row.parse("person")?,
                    record: row.parse_opt("record")?.unwrap_or(RecordId(entry.0)),
                    state: row.parse("state")?,
                    reason: row.get("reason")?,
                    was_sealed: row.get::<Option<String>>("parcel")?.is_some(),
                })
            },
        )
    }
}

/// Stores the disposition of an entry and the entry that it waits for, and notifies the author if state or reason
/// changed.
fn write(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    entry: EntryId,
    waits_for: Option<EntryId>,
    disposition: Disposition,
) -> Result<(), Failure> {
    let Some(state) = disposition.state.known().map(|s| EntryState::from(*s)) else {
        return Err(Failure::internal("a disposition of our own has an unknown state"));
    };
    let stored = Stored::load(tx, entry)?;
    let reason = disposition.reason.as_ref();
    let code = reason.map(|reason| reason.code.to_string());
    let reason = reason.map(serde_json::to_string).transpose()?;
    let (id, waits_for) = (entry.to_string(), waits_for.map(|on| on.to_string()));
    if stored.state == state && stored.reason == reason {
        tx.run(
            "UPDATE entry SET waits_for = ?2 WHERE id = ?1",
            params![id, waits_for],
        )?;
        return Ok(());
    }
    tx.run(
        "UPDATE entry SET state = ?2, code = ?3, reason = ?4, waits_for = ?5, state_at = ?6 WHERE id = ?1",
        params![id, state.as_str(), code, reason, waits_for, ctx.now.0],
    )?;
    let (before, after) = (stored.state.as_str(), state.as_str());
    ctx.tally.moved(
        CountedKind::Entry,
        Some((stored.stream, before)),
        (stored.stream, after),
    );
    planted!(RejectedSilently && state == EntryState::Rejected => return Ok(()));
    let row = DispositionRow {
        entry,
        record: stored.record,
        disposition,
        at: ctx.now,
    };
    needs_action::notify(tx, ctx, stored.author, stored.state, stored.was_sealed, row)
}

/// Counts a failure that the entry did not cause. After [`VISIBLE_AFTER`] failures the author can see it.
fn failed(tx: &mut Tx<'_>, ctx: &mut Ctx, entry: EntryId, failure: &Failure) -> Result<(), Failure> {
    tracing::error!(%entry, %failure, "an entry could not be applied");
    metrics::counter!("xunge_apply_failures_total").increment(1);
    let before = Stored::load(tx, entry)?;
    let pending = EntryState::Pending.as_str();
    let was = (before.stream, before.state.as_str());
    ctx.tally
        .moved(CountedKind::Entry, Some(was), (before.stream, pending));
    let attempts: i64 = tx.one(
        "UPDATE entry SET state = 'pending', attempts = attempts + 1, state_at = ?2 WHERE id = ?1
         RETURNING attempts",
        params![entry.to_string(), ctx.now.0],
        |row| row.get("attempts"),
    )?;
    if attempts >= VISIBLE_AFTER {
        write(tx, ctx, entry, None, Disposition::held(reasons::apply_failed()))?;
    }
    Ok(())
}

/// Loads an entry from the database.
pub(super) fn load(tx: &mut Tx<'_>, id: EntryId) -> Result<HeldEntry, Failure> {
    let (bytes, sha256, stream, person, post, received, made) = tx.one(
        "SELECT e.bytes, e.sha256, e.stream, s.person, s.post, e.received, e.made_at, e.uncertainty, e.basis
         FROM entry e JOIN stream s ON s.id = e.stream WHERE e.id = ?1",
        params![id.to_string()],
        |row| {
            Ok((
                row.get::<Vec<u8>>("bytes")?,
                row.parse("sha256")?,
                row.parse("stream")?,
                row.parse("person")?,
                row.parse("post")?,
                Millis(row.get("received")?),
                made(row)?,
            ))
        },
    )?;
    let frame = crate::entries::reading::frame(&bytes).map_err(Failure::internal)?;
    let reading = Reading::of(&frame, &bytes);
    Ok(HeldEntry {
        reading,
        sha256,
        stream,
        person,
        post,
        received,
        made,
    })
}
