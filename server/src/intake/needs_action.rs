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
    entry::{Disposition, Entry, Reason},
    feed::{DispositionRow, MAX_UNSETTLED_BYTES, UnsettledRow, kind},
    ids::{EntryId, PersonId},
    open::Open,
    problem::ReasonCode,
    sabotage::{self, Defect},
    time::Millis,
};

/// Updates the author's mailbox after the disposition `written` was stored; `stood` is the state before. A rejection of
/// an entry that has a newer version is marked as superseded.
pub(super) fn notify(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    author: PersonId,
    stood: EntryState,
    was_sealed: bool,
    mut written: DispositionRow,
) -> Result<(), Failure> {
    let mailbox = MailboxId::Author(author);
    let state = written.disposition.state.known().copied().map(EntryState::from);
    let is_open = match state {
        Some(EntryState::Rejected) => {
            if is_superseded(tx, author, &written)? {
                written.disposition.reason = Some(reasons::superseded(written.disposition.reason.as_ref()));
            }
            needs_author(written.disposition.reason.as_ref())
        }
        // The handset that filed it deleted it after the receipt for the parcel.
        Some(EntryState::Review | EntryState::Held) => was_sealed,
        Some(EntryState::Applied | EntryState::Pending) | None => false,
    };
    ctx.mail
        .put(mailbox, kind::DISPOSITION, written.entry, &written)?;
    if sabotage::is(Defect::UnsettledUntold) {
        return Ok(());
    }
    if is_open {
        let row = row(tx, &written)?;
        ctx.mail.put(mailbox, kind::UNSETTLED, row.entry, &row)?;
    } else if was_sealed || stood != EntryState::Pending {
        // Most entries are applied on arrival and never had a row.
        ctx.mail.remove(mailbox, kind::UNSETTLED, written.entry);
    }
    Ok(())
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

fn row(tx: &mut Tx<'_>, written: &DispositionRow) -> Result<UnsettledRow, StoreError> {
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
