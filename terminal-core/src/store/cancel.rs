//! Cancels items: a void if the item was never offered to the network, else a withdrawal.

use crate::{
    Error, Result,
    store::{
        database::HandsetStore,
        items::{Item, NewEntry, find, kind_text, select},
        prune::files,
        sql::run,
        submit::{entry_bytes, insert},
    },
};
use protocol::{
    evidence::Evidence,
    ids::EntryId,
    open::Open,
    payload::{EntryKind, Payload, Withdraw},
    photo::Sha256,
    problem::HandsetCode,
    sabotage::{self, Defect},
};
use rusqlite::{Connection, params};

/// The result of a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancelled {
    /// The item had never left the handset; its number is now a void. The photo files are not needed any
    /// more.
    Voided {
        /// The item after the change.
        item: Box<Item>,
        /// Files that may be deleted.
        files: Vec<String>,
    },
    /// The item may have left the handset; this withdrawal was filed.
    Withdrawn(Box<Item>),
}

impl HandsetStore {
    /// Cancels an item. If it was never offered to the network, its number becomes a void, and photos and
    /// content are deleted. If it may have been sent, a `withdraw` entry with the id `withdrawal` is filed.
    /// Idempotent.
    ///
    /// # Errors
    /// [`Error::NoSuchItem`]; `item.not_cancellable` for a withdrawal or a void.
    pub fn cancel(
        &self,
        id: EntryId,
        withdrawal: EntryId,
        reason: &str,
        evidence: &Evidence,
    ) -> Result<Cancelled> {
        self.repeat_if_unknown(|store| {
            store.write(|tx| {
                let item = find(tx, id)?.ok_or(Error::NoSuchItem)?;
                if item.cancelled.is_some() {
                    return Ok(Cancelled::Voided {
                        item: Box::new(item),
                        files: Vec::new(),
                    });
                }
                if let Open::Known(EntryKind::Withdraw | EntryKind::Void) = item.kind {
                    return Err(not_cancellable());
                }
                if item.offered && !sabotage::is(Defect::CancelledThoughOffered) {
                    let again = select(tx, "kind = 'withdraw' AND after_entry = ?1", [&id.to_string()])?;
                    if let Some(there) = again.into_iter().next() {
                        return Ok(Cancelled::Withdrawn(Box::new(there)));
                    }
                    let new = NewEntry {
                        id: withdrawal,
                        payload: Payload::Withdraw(Withdraw {
                            entry: id,
                            reason: reason.to_owned(),
                        }),
                        record: item.record,
                        after: Some(id),
                        supersedes: None,
                        grid: None,
                        evidence: evidence.clone(),
                        summary: item.summary,
                        photo_files: Vec::new(),
                    };
                    return insert(tx, &new).map(|item| Cancelled::Withdrawn(Box::new(item)));
                }
                void(tx, item, evidence)
            })
        })
    }
}

/// Turns an item that was never offered into a void with the same id and number.
fn void(connection: &Connection, item: Item, evidence: &Evidence) -> Result<Cancelled> {
    let before = files(connection)?;
    let new = NewEntry {
        id: item.id,
        payload: Payload::Void,
        record: item.record,
        after: None,
        supersedes: None,
        grid: None,
        evidence: evidence.clone(),
        summary: item.summary,
        photo_files: Vec::new(),
    };
    let bytes = entry_bytes(connection, &new, item.n)?;
    run(
        connection,
        "DELETE FROM photo WHERE item = ?1",
        [item.id.to_string()],
    )?;
    run(
        connection,
        "UPDATE item SET kind = 'void', cancelled = ?2, after_entry = NULL, supersedes = NULL, bytes = ?3,
             sha256 = ?4 WHERE id = ?1 AND offered = 0",
        params![
            item.id.to_string(),
            kind_text(&item.kind),
            bytes,
            Sha256::of(&bytes).to_string()
        ],
    )?;
    let after = files(connection)?;
    Ok(Cancelled::Voided {
        item: Box::new(find(connection, item.id)?.ok_or(Error::NoSuchItem)?),
        files: before.difference(&after).cloned().collect(),
    })
}

pub(crate) fn not_cancellable() -> Error {
    Error::input(
        HandsetCode::ItemNotCancellable,
        "撤回不能再撤回，需要时请重新填报",
        "a withdrawal cannot be withdrawn; file the item again if it is needed",
    )
}
