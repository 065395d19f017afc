//! Stores the disposition of an entry, tells its author, and releases what waited for it.

use super::{
    held::{Fresh, HeldEntry},
    needs_action::{self, Past},
    reasons,
};
use crate::{
    app::{ctx::Ctx, tally::CountedKind},
    entries::row::EntryState,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, hint::Hint, tx::Tx},
};
use protocol::{
    entry::{Disposition, DispositionState},
    feed::DispositionRow,
    ids::{EntryId, PersonId, RecordId, StreamId},
    planted,
    sabotage::{self, Defect},
};

/// After this many failures the author sees that the entry is stuck; the sweep still retries it.
const VISIBLE_AFTER: i64 = 5;

/// Stores the disposition of an entry and updates its author's mailbox. Entries that waited for it become pending and are
/// applied by the next sweep.
pub fn set_disposition(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    entry: EntryId,
    disposition: Disposition,
) -> Result<(), Failure> {
    if !set_disposition_releasing(tx, ctx, entry, disposition, None)?.is_empty() {
        tx.after_commit(Hint::Jobs);
    }
    Ok(())
}

/// Like [`set_disposition`], and returns the entries that waited for this one, now pending, for the caller to apply. Reads
/// what stood before unless the caller knows it.
pub(super) fn set_disposition_releasing(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    entry: EntryId,
    disposition: Disposition,
    before: Option<Before>,
) -> Result<Vec<EntryId>, Failure> {
    let Some(state) = disposition.state.known().copied() else {
        return Err(Failure::internal("a disposition of our own has an unknown state"));
    };
    let Before { stored, is_awaited } = match before {
        Some(known) => known,
        None => Before::load(tx, entry)?,
    };
    write(tx, ctx, entry, &stored, None, disposition)?;
    let decided = matches!(state, DispositionState::Applied | DispositionState::Rejected);
    if !decided || !is_awaited || sabotage::is(Defect::HeldNeverReleased) {
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
pub(super) fn wait(tx: &mut Tx<'_>, ctx: &mut Ctx, entry: EntryId, on: EntryId) -> Result<(), Failure> {
    let stored = Stored::load(tx, entry)?;
    write(
        tx,
        ctx,
        entry,
        &stored,
        Some(on),
        Disposition::held(reasons::waiting()),
    )
}

/// What stood of an entry before its disposition is written, and whether others may wait for it.
pub(super) struct Before {
    stored: Stored,
    is_awaited: bool,
}

impl Before {
    fn load(tx: &mut Tx<'_>, entry: EntryId) -> Result<Self, StoreError> {
        Ok(Self {
            stored: Stored::load(tx, entry)?,
            is_awaited: true,
        })
    }
    pub fn of(held: &HeldEntry, fresh: Fresh) -> Self {
        Self {
            stored: Stored {
                stream: held.stream,
                author: held.person,
                record: held.reading.record,
                reason: None,
                past: Past {
                    state: EntryState::Pending,
                    was_sealed: fresh.was_sealed,
                    is_new: true,
                },
            },
            is_awaited: fresh.is_awaited,
        }
    }
}

/// What the database holds of an entry before its disposition is written.
struct Stored {
    stream: StreamId,
    author: PersonId,
    record: RecordId,
    /// JSON of the reason.
    reason: Option<String>,
    past: Past,
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
                    reason: row.get("reason")?,
                    past: Past {
                        state: row.parse("state")?,
                        was_sealed: row.get::<Option<String>>("parcel")?.is_some(),
                        is_new: false,
                    },
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
    stored: &Stored,
    waits_for: Option<EntryId>,
    disposition: Disposition,
) -> Result<(), Failure> {
    let Some(state) = disposition.state.known().map(|s| EntryState::from(*s)) else {
        return Err(Failure::internal("a disposition of our own has an unknown state"));
    };
    let reason = disposition.reason.as_ref();
    let code = reason.map(|reason| reason.code.to_string());
    let reason = reason.map(serde_json::to_string).transpose()?;
    let (id, waits_for) = (entry.to_string(), waits_for.map(|on| on.to_string()));
    if stored.past.state == state && stored.reason == reason {
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
    let (before, after) = (stored.past.state.as_str(), state.as_str());
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
    needs_action::notify(tx, ctx, stored.author, stored.past, row)
}

/// Counts a failure that the entry did not cause. After [`VISIBLE_AFTER`] failures the author can see it.
pub(super) fn failed(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    entry: EntryId,
    failure: &Failure,
) -> Result<(), Failure> {
    tracing::error!(%entry, %failure, "an entry could not be applied");
    metrics::counter!("xunge_apply_failures_total").increment(1);
    let before = Stored::load(tx, entry)?;
    let pending = EntryState::Pending.as_str();
    let was = (before.stream, before.past.state.as_str());
    ctx.tally
        .moved(CountedKind::Entry, Some(was), (before.stream, pending));
    let attempts: i64 = tx.one(
        "UPDATE entry SET state = 'pending', attempts = attempts + 1, state_at = ?2 WHERE id = ?1
         RETURNING attempts",
        params![entry.to_string(), ctx.now.0],
        |row| row.get("attempts"),
    )?;
    if attempts >= VISIBLE_AFTER {
        let stored = Stored::load(tx, entry)?;
        write(
            tx,
            ctx,
            entry,
            &stored,
            None,
            Disposition::held(reasons::apply_failed()),
        )?;
    }
    Ok(())
}
