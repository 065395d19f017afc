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

/// What `told` says was just written: the author's mailbox follows. A rejection of what has a newer version already
/// says so.
pub(super) fn tell(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    author: PersonId,
    stood: EntryState,
    was_sealed: bool,
    mut told: DispositionRow,
) -> Result<(), Failure> {
    let mailbox = MailboxId::Author(author);
    let state = told.disposition.state.known().copied().map(EntryState::from);
    let is_open = match state {
        Some(EntryState::Rejected) => {
            if is_superseded(tx, author, &told)? {
                told.disposition.reason = Some(reasons::superseded(told.disposition.reason.as_ref()));
            }
            is_news(told.disposition.reason.as_ref())
        }
        // The handset that filed it has forgotten it.
        Some(EntryState::Review | EntryState::Held) => was_sealed,
        Some(EntryState::Applied | EntryState::Pending) | None => false,
    };
    ctx.mail.put(mailbox, kind::DISPOSITION, told.entry, &told)?;
    if sabotage::is(Defect::UnsettledUntold) {
        return Ok(());
    }
    if is_open {
        let row = row(tx, &told)?;
        ctx.mail.put(mailbox, kind::UNSETTLED, row.entry, &row)?;
    } else if was_sealed || stood != EntryState::Pending {
        // Most entries are applied when they come: they never had a row.
        ctx.mail.remove(mailbox, kind::UNSETTLED, told.entry);
    }
    Ok(())
}

/// Its author has filed another version of an entry, or taken it back when it was rejected: nothing is left to do with
/// it, wherever it is shown.
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
    if is_news(stands.reason.as_ref()) {
        let told = DispositionRow {
            entry: old,
            record: stands.record,
            disposition: Disposition::rejected(why(stands.reason.as_ref())),
            at: ctx.now,
        };
        ctx.mail.put(mailbox, kind::DISPOSITION, old, &told)?;
    }
    ctx.mail.remove(mailbox, kind::UNSETTLED, old);
    Ok(())
}

/// Whether a rejection leaves something to do.
fn is_news(why: Option<&Reason>) -> bool {
    !why.is_some_and(|why| why.code == ReasonCode::Superseded || why.code == ReasonCode::Withdrawn)
}

/// Asked of rejected entries alone.
fn is_superseded(tx: &mut Tx<'_>, author: PersonId, told: &DispositionRow) -> Result<bool, StoreError> {
    let versions: Vec<Vec<u8>> = tx.all(
        "SELECT e.bytes FROM entry e JOIN stream s ON s.id = e.stream WHERE e.record = ?1 AND s.person = ?2",
        params![told.record.to_string(), author.to_string()],
        |row| row.get("bytes"),
    )?;
    let mut versions = versions.iter().filter_map(|bytes| Entry::read(bytes).ok());
    Ok(versions.any(|(entry, _)| entry.supersedes == Some(told.entry)))
}

fn row(tx: &mut Tx<'_>, told: &DispositionRow) -> Result<UnsettledRow, StoreError> {
    tx.one(
        "SELECT kind, made_at, bytes FROM entry WHERE id = ?1",
        params![told.entry.to_string()],
        |row| {
            let (kind, bytes): (String, Vec<u8>) = (row.get("kind")?, row.get("bytes")?);
            Ok(UnsettledRow {
                entry: told.entry,
                record: told.record,
                kind: kind.parse().map_or(Open::Other(kind), Open::Known),
                made: Millis(row.get("made_at")?),
                disposition: told.disposition.clone(),
                at: told.at,
                content: (bytes.len() <= MAX_UNSETTLED_BYTES)
                    .then(|| serde_json::from_slice(&bytes).ok())
                    .flatten(),
            })
        },
    )
}
