//! Mailbox rows for entries that still need their author: rejected, or handed over and not decided. They go to all of
//! the author's handsets, because the one that filed the entry may be lost, replaced or damaged by then.

use super::reasons;
use crate::{
    app::{ctx::Ctx, mailbox::MailboxId},
    entries::row::{EntryRow, EntryState},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    entry::{Disposition, DispositionState, Entry, Reason},
    feed::{DispositionRow, MAX_UNSETTLED_BYTES, UnsettledRow, kind},
    ids::{EntryId, PersonId},
    open::Open,
    planted,
    problem::ReasonCode,
    time::Millis,
};

/// What stood of an entry before its disposition changed.
#[derive(Clone, Copy)]
pub(super) struct Past {
    pub state: EntryState,
    /// It arrived in a parcel.
    pub was_sealed: bool,
    /// Set only if this transaction stored the entry and nothing else has changed it: its author has no row of it.
    pub is_new: bool,
}

/// Updates the author's mailbox after the disposition in `row` was stored; `past` is what it replaced. A
/// rejection of an entry that has a newer version is marked as superseded.
pub(super) fn notify(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    author: PersonId,
    past: Past,
    mut row: DispositionRow,
) -> Result<(), Failure> {
    let mailbox = MailboxId::Author(author);
    if row.disposition.state == DispositionState::Rejected.into() && is_superseded(tx, author, &row)? {
        row.disposition.reason = Some(reasons::superseded(row.disposition.reason.as_ref()));
    }
    if past.is_new {
        ctx.mail.put_first(mailbox, kind::DISPOSITION, row.entry, &row)?;
    } else {
        ctx.mail.put(mailbox, kind::DISPOSITION, row.entry, &row)?;
    }
    planted!(UnsettledUntold => return Ok(()));
    if is_open(&row.disposition, past.was_sealed) {
        let open = open_row(tx, &row)?;
        ctx.mail.put(mailbox, kind::UNSETTLED, row.entry, &open)?;
    } else if past.was_sealed || past.state != EntryState::Pending {
        // Most entries are applied on arrival and never had a row.
        ctx.mail.remove(mailbox, kind::UNSETTLED, row.entry);
    }
    Ok(())
}

/// Returns true if an entry with this disposition still needs its author.
fn is_open(disposition: &Disposition, was_sealed: bool) -> bool {
    match disposition.state.known() {
        Some(DispositionState::Rejected) => needs_author(disposition.reason.as_ref()),
        // The handset that filed it deleted it after the receipt for the parcel.
        Some(DispositionState::Review | DispositionState::Held) => was_sealed,
        Some(DispositionState::Applied) | None => false,
    }
}

/// Removes the row of a rejected entry whose author filed a new version or withdrew it, and adds `why` to the
/// disposition. Does nothing for an entry of another author or in another state.
pub(super) fn close(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    author: PersonId,
    old: EntryId,
    why: impl FnOnce(Option<&Reason>) -> Reason,
) -> Result<(), Failure> {
    let stands = tx.opt(
        &format!("{} WHERE e.id = ?1", EntryRow::SELECT),
        params![old.to_string()],
        EntryRow::read,
    )?;
    let Some(stands) = stands.filter(|row| row.author == author && row.state == EntryState::Rejected) else {
        return Ok(());
    };
    let mailbox = MailboxId::Author(author);
    if needs_author(stands.reason.as_ref()) {
        let written = DispositionRow {
            entry: old,
            record: stands.record,
            disposition: Disposition::rejected(why(stands.reason.as_ref())),
            at: ctx.now,
        };
        ctx.mail.put(mailbox, kind::DISPOSITION, old, &written)?;
    }
    ctx.mail.remove(mailbox, kind::UNSETTLED, old);
    Ok(())
}

/// Returns true if a rejection with this reason still needs its author.
fn needs_author(why: Option<&Reason>) -> bool {
    !why.is_some_and(|why| why.code == ReasonCode::Superseded || why.code == ReasonCode::Withdrawn)
}

/// Returns true if another entry of the record supersedes this one. Called for rejected entries only.
fn is_superseded(tx: &mut Tx<'_>, author: PersonId, written: &DispositionRow) -> Result<bool, StoreError> {
    let versions: Vec<Vec<u8>> = tx.all(
        "SELECT e.bytes FROM entry e JOIN stream s ON s.id = e.stream WHERE e.record = ?1 AND s.person = ?2",
        params![written.record.to_string(), author.to_string()],
        |row| row.get("bytes"),
    )?;
    let mut versions = versions.iter().filter_map(|bytes| Entry::read(bytes).ok());
    Ok(versions.any(|(entry, _)| entry.supersedes == Some(written.entry)))
}

/// The row of an entry that needs its author.
fn open_row(tx: &mut Tx<'_>, written: &DispositionRow) -> Result<UnsettledRow, StoreError> {
    tx.one(
        "SELECT kind, made_at, bytes FROM entry WHERE id = ?1",
        params![written.entry.to_string()],
        |row| {
            let (kind, bytes): (String, Vec<u8>) = (row.get("kind")?, row.get("bytes")?);
            Ok(UnsettledRow {
                entry: written.entry,
                record: written.record,
                kind: kind.parse().map_or(Open::Other(kind), Open::Known),
                made: Millis(row.get("made_at")?),
                disposition: written.disposition.clone(),
                at: written.at,
                content: (bytes.len() <= MAX_UNSETTLED_BYTES)
                    .then(|| serde_json::from_slice(&bytes).ok())
                    .flatten(),
            })
        },
    )
}
