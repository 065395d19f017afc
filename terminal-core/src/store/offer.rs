//! Offers outbox items to the network, and stores receipts and refusals. Law 1 is enforced here.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        planted_items::serialised_again,
        retry::{self, Retry},
        settings,
        sql::{int, parse, run, to_json, uint},
        submit::{next_n, set_next_n},
    },
};
use protocol::{
    entry::{Entry, Reason, Receipt},
    ids::EntryId,
    photo::Sha256,
    planted,
    problem::ProblemCode,
    push::StreamMark,
    sabotage::{self, Defect},
    time::Millis,
};
use rusqlite::{Connection, params};

/// An item to be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The entry.
    pub id: EntryId,
    /// The number in the stream.
    pub n: u64,
    /// The exact bytes to send.
    pub bytes: Vec<u8>,
}

/// An item that the server refused, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedElement {
    /// The item.
    pub id: EntryId,
    /// The server's reason.
    pub reason: Reason,
}

/// What was stored from a push answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Items that the server now holds.
    pub received: Vec<EntryId>,
    /// Receipts with another hash or number than the item has; they are ignored.
    pub foreign: Vec<EntryId>,
    /// Items whose number the server had given to another entry of this stream. They have a new number and wait again.
    pub renumbered: Vec<EntryId>,
}

/// How often an item gets a new number before it is shown as refused: two phones with one key may race for numbers.
const MOST_RENUMBERED: u32 = 5;

/// Gives a new number to an item that the server refused with `entry.number_taken`; returns false if the item has to be
/// shown as refused instead.
///
/// The server refuses a number only for an entry that it does not hold: this phone was put back to an older copy, or
/// copied, and another entry has the number. Under its id the item is in nobody's custody, so it can be serialised
/// again ([ADR 24](../../../docs/adr/0024-a-taken-number-is-replaced.md)).
fn renumber(connection: &Connection, id: EntryId, mark: &StreamMark) -> Result<bool> {
    let (bytes, renumbered): (Vec<u8>, u32) = connection
        .prepare_cached("SELECT bytes, renumbered FROM item WHERE id = ?1")?
        .query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (mut entry, _) = Entry::read(&bytes)?;
    // What a newer app wrote may hold fields that this version would lose.
    let is_ours = entry.to_bytes()? == bytes;
    if renumbered >= MOST_RENUMBERED || !is_ours || sabotage::is(Defect::SeriesReusedAfterRestore) {
        return Ok(false);
    }
    let n = next_n(connection)?.max(mark.highest.saturating_add(1));
    entry.n = n;
    let bytes = entry.to_bytes()?;
    let changed = connection
        .prepare_cached(
            "UPDATE item SET n = ?2, bytes = ?3, sha256 = ?4, offered = 0, renumbered = renumbered + 1
             WHERE id = ?1 AND custody = 'waiting'",
        )?
        .execute(params![
            id.to_string(),
            int(n)?,
            bytes,
            Sha256::of(&bytes).to_string()
        ])?;
    set_next_n(connection, n.saturating_add(1))?;
    Ok(changed == 1)
}

impl HandsetStore {
    /// Selects the items to send now, by number: at most `limit`, and at most `max_bytes` together unless the
    /// first is larger. They are durably marked as offered before the call returns.
    pub(crate) fn offer(&self, now: Millis, limit: usize, max_bytes: usize) -> Result<Vec<Queued>> {
        self.write(|tx| {
            let mut batch = Vec::new();
            let mut size = 0usize;
            let mut fresh = Vec::new();
            {
                let mut statement = tx.prepare_cached(
                    "SELECT id, n, bytes, offered, attempts FROM item
                     WHERE custody = 'waiting' AND refused_json IS NULL AND (not_before <= ?1 OR not_before > ?2)
                     ORDER BY n LIMIT ?3",
                )?;
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let mut rows = statement.query(params![now.0, now.plus(retry::LONGEST_WAIT).0, limit])?;
                while let Some(row) = rows.next()? {
                    let bytes: Vec<u8> = row.get(2)?;
                    if !batch.is_empty() && size + bytes.len() > max_bytes {
                        break;
                    }
                    size += bytes.len();
                    let text: String = row.get(0)?;
                    planted!(RetryGivesUp && row.get::<_, u32>(4)? >= 3 => continue);
                    if !row.get::<_, bool>(3)? {
                        fresh.push(text.clone());
                    }
                    batch.push(Queued {
                        id: parse(&text)?,
                        n: uint(row.get(1)?)?,
                        bytes: serialised_again(bytes)?,
                    });
                }
            }
            for id in fresh {
                planted!(RowGoneBeforeReceipt => run(tx, "DELETE FROM item WHERE id = ?1", [&id])?);
                tx.prepare_cached("UPDATE item SET offered = 1 WHERE id = ?1")?.execute([id])?;
            }
            Ok(batch)
        })
    }
    /// Stores a push answer in one transaction. A receipt counts only for the item with exactly this id,
    /// number and hash; a refused item stays, visible, unless only its number was refused.
    pub(crate) fn accept(
        &self,
        receipts: &[Receipt],
        refused: &[RefusedElement],
        mark: &StreamMark,
    ) -> Result<Accepted> {
        self.write(|tx| {
            let mut accepted = Accepted::default();
            for receipt in receipts {
                let changed = tx
                    .prepare_cached(
                        "UPDATE item SET custody = 'received', received_at = ?4, refused_json = NULL,
                             attempts = 0, not_before = 0, asked = 0, problem_json = NULL
                         WHERE id = ?1 AND n = ?2 AND sha256 = ?3 AND offered = 1",
                    )?
                    .execute(params![
                        receipt.id.to_string(),
                        int(receipt.n)?,
                        receipt.sha256.to_string(),
                        receipt.received.0
                    ])?;
                if changed == 1 {
                    accepted.received.push(receipt.id);
                } else {
                    accepted.foreign.push(receipt.id);
                }
            }
            for element in refused {
                if element.reason.code == ProblemCode::EntryNumberTaken && renumber(tx, element.id, mark)? {
                    accepted.renumbered.push(element.id);
                    continue;
                }
                tx.prepare_cached("UPDATE item SET refused_json = ?2 WHERE id = ?1 AND custody = 'waiting'")?
                    .execute(params![element.id.to_string(), to_json(&element.reason)?])?;
            }
            settings::set(tx, settings::keys::MARK, &to_json(mark)?)?;
            Ok(accepted)
        })
    }
    /// Records a failed try for each item; `next` computes the new state from the number of failures so far.
    pub(crate) fn fail_items(&self, ids: &[EntryId], next: &dyn Fn(u32) -> Result<Retry>) -> Result<()> {
        self.write(|tx| {
            for id in ids {
                let attempts: u32 = tx
                    .prepare_cached("SELECT attempts FROM item WHERE id = ?1")?
                    .query_row([id.to_string()], |row| row.get(0))?;
                let retry = next(attempts)?;
                tx.prepare_cached(
                    "UPDATE item SET attempts = ?2, not_before = ?3, asked = ?4, problem_json = ?5
                     WHERE id = ?1 AND custody = 'waiting'",
                )?
                .execute(params![
                    id.to_string(),
                    retry.attempts,
                    retry.not_before.0,
                    retry.asked,
                    retry::problem_json(&retry)?
                ])?;
            }
            Ok(())
        })
    }
}
