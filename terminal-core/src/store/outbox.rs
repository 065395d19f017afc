//! The outbox: submit, cancel, send, receipt. Law 1 is kept here.

use super::{
    Item, NewEntry, Retry, Store, account, int,
    items::{find, kind_text, select},
    parse, retry, run, to_json,
};
use crate::{Error, Result};
use protocol::{
    WIRE_VERSION,
    entry::{Entry, MAX_ENTRY_BYTES, Reason, Receipt},
    evidence::Evidence,
    ids::{EntryId, RecordId},
    open::Open,
    payload::{EntryKind, Payload, Withdraw},
    photo::{MAX_PHOTOS_PER_ENTRY, Sha256},
    problem::{HandsetCode, ProblemCode},
    push::StreamMark,
    sabotage::{self, Defect},
    time::Millis,
};
use rusqlite::{Connection, params};

/// An item as it goes into a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The entry.
    pub id: EntryId,
    /// Its number.
    pub n: u64,
    /// Exactly the bytes to send.
    pub bytes: Vec<u8>,
}

/// What cancelling came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancelled {
    /// It had never left the handset: its number is now a void. These photo files belong to nothing any more.
    Voided {
        /// The item as it stands now.
        item: Box<Item>,
        /// Files that may be deleted.
        files: Vec<String>,
    },
    /// It may have left the handset: this entry takes it back.
    Withdrawn(Box<Item>),
}

/// An element that the server did not take, with the server's reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedElement {
    /// Which item.
    pub id: EntryId,
    /// Why.
    pub reason: Reason,
}

/// What the store took over from a push answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Items that the server holds now.
    pub received: Vec<EntryId>,
    /// Receipts that named one of the items with another hash or number: they count for nothing.
    pub foreign: Vec<EntryId>,
}

fn next_n(connection: &Connection) -> Result<u64> {
    account::get(connection, account::keys::NEXT_N)?.map_or(Ok(1), |text| parse(&text))
}
fn set_next_n(connection: &Connection, n: u64) -> Result<()> {
    account::set(connection, account::keys::NEXT_N, &n.to_string())
}

fn entry_bytes(connection: &Connection, new: &NewEntry, n: u64) -> Result<Vec<u8>> {
    let account = account::account(connection)?;
    let entry = Entry {
        v: WIRE_VERSION,
        id: new.id,
        n,
        kind: new.payload.kind().into(),
        record: new.record,
        after: new.after,
        supersedes: new.supersedes,
        author: account.holder,
        post: account.post,
        grid: new.grid.clone(),
        payload: new.payload.to_json()?,
        evidence: new.evidence.clone(),
    };
    let bytes = entry.to_bytes()?;
    if bytes.len() > MAX_ENTRY_BYTES {
        return Err(Error::input(
            ProblemCode::EntryTooLarge,
            "内容过长，请缩短后再提交",
            format!(
                "the entry has {} bytes, {MAX_ENTRY_BYTES} fit; shorten it",
                bytes.len()
            ),
        ));
    }
    Ok(bytes)
}

fn insert(connection: &Connection, new: &NewEntry) -> Result<Item> {
    if let Some(there) = find(connection, new.id)? {
        return Ok(there);
    }
    super::handover::refuse_if_done(connection)?;
    let photos = new.payload.photos();
    if photos.len() != new.photo_files.len() || photos.len() > MAX_PHOTOS_PER_ENTRY {
        return Err(Error::input(
            HandsetCode::PhotoCount,
            format!("照片数量不符或超过 {MAX_PHOTOS_PER_ENTRY} 张"),
            format!("photos and files differ in number, or are more than {MAX_PHOTOS_PER_ENTRY}"),
        ));
    }
    let n = next_n(connection)?;
    let bytes = entry_bytes(connection, new, n)?;
    connection
        .prepare_cached(
            "INSERT INTO item (id, n, kind, record, after_entry, supersedes, bytes, sha256, summary, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            new.id.to_string(),
            int(n)?,
            new.payload.kind().as_str(),
            new.record.to_string(),
            new.after.map(|id| id.to_string()),
            new.supersedes.map(|id| id.to_string()),
            bytes,
            Sha256::of(&bytes).to_string(),
            new.summary,
            new.evidence.clock.wall.0,
        ])?;
    for (position, (photo, file)) in photos.iter().zip(&new.photo_files).enumerate() {
        connection
            .prepare_cached(
                "INSERT INTO photo (item, position, sha256, size, role, width, height, file)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                new.id.to_string(),
                i64::try_from(position).unwrap_or(i64::MAX),
                photo.sha256.to_string(),
                int(photo.size)?,
                to_json(&photo.role)?,
                photo.width,
                photo.height,
                file,
            ])?;
    }
    if !sabotage::is(Defect::NumberAfterwards) {
        set_next_n(connection, n.saturating_add(1))?;
    }
    run(
        connection,
        "DELETE FROM draft WHERE id = ?1",
        [new.id.to_string()],
    )?;
    find(connection, new.id)?.ok_or(Error::NoSuchItem)
}

impl Store {
    /// Submits an entry: numbered, serialised once, saved with its photos in one transaction; the draft with
    /// the same id is gone in the same moment. When this returns, the entry survives any death.
    ///
    /// # Errors
    /// `entry.too_large`, `photo.count`, [`Error::NotEnrolled`], and errors of the disk: then nothing was
    /// saved and the draft is still there. [`Error::OutcomeUnknown`] only if the disk failed twice.
    pub fn submit(&self, new: &NewEntry) -> Result<Item> {
        if sabotage::is(Defect::NewIdAfterUnknownOutcome) {
            return self.submit_under_two_ids(new);
        }
        let submitted = self.settle(|store| store.write(|tx| insert(tx, new)))?;
        if sabotage::is(Defect::NumberAfterwards) {
            self.write(|tx| set_next_n(tx, submitted.n.saturating_add(1)))?;
        }
        Ok(submitted)
    }
    /// [`Defect::NewIdAfterUnknownOutcome`]
    fn submit_under_two_ids(&self, new: &NewEntry) -> Result<Item> {
        let other = NewEntry {
            id: EntryId(uuid::Uuid::from_u128(new.id.0.as_u128() ^ 1)),
            ..new.clone()
        };
        match self.write(|tx| insert(tx, new)) {
            Err(Error::OutcomeUnknown) => self.write(|tx| insert(tx, &other)),
            other => other,
        }
    }

    /// Does an idempotent change; after a failed COMMIT once more, on the reopened file, where the first try
    /// is found by its id if it came through.
    fn settle<T>(&self, change: impl Fn(&Self) -> Result<T>) -> Result<T> {
        match change(self) {
            Err(Error::OutcomeUnknown) => change(self),
            other => other,
        }
    }

    /// Cancels an item. Never offered to the network: its number becomes a void, photos and content are gone.
    /// Possibly sent: a `withdraw` entry with the id `withdrawal` takes it back. Doing it twice changes
    /// nothing more.
    ///
    /// # Errors
    /// [`Error::NoSuchItem`]; `item.not_cancellable` for a withdrawal or a void itself.
    pub fn cancel(
        &self,
        id: EntryId,
        withdrawal: EntryId,
        reason: &str,
        evidence: &Evidence,
    ) -> Result<Cancelled> {
        self.settle(|store| {
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

    /// The items to send now, in the order of their numbers: at most `limit`, and together at most
    /// `max_bytes` unless a single one is larger. They are marked as offered, durably, before this returns.
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
                let mut rows = statement.query(params![now.0, now.plus(retry::LONGEST).0, limit])?;
                while let Some(row) = rows.next()? {
                    let bytes: Vec<u8> = row.get(2)?;
                    if !batch.is_empty() && size + bytes.len() > max_bytes {
                        break;
                    }
                    size += bytes.len();
                    let text: String = row.get(0)?;
                    if sabotage::is(Defect::RetryGivesUp) && row.get::<_, u32>(4)? >= 3 {
                        continue;
                    }
                    if !row.get::<_, bool>(3)? {
                        fresh.push(text.clone());
                    }
                    batch.push(Queued {
                        id: parse(&text)?,
                        n: super::uint(row.get(1)?)?,
                        bytes: match sabotage::is(Defect::SerialisedAgain) {
                            true => serde_json::to_vec_pretty(&super::from_json::<serde_json::Value>(
                                &String::from_utf8_lossy(&bytes),
                            )?)?,
                            false => bytes,
                        },
                    });
                }
            }
            for id in fresh {
                if sabotage::is(Defect::RowGoneBeforeReceipt) {
                    run(tx, "DELETE FROM item WHERE id = ?1", [&id])?;
                }
                tx.prepare_cached("UPDATE item SET offered = 1 WHERE id = ?1")?.execute([id])?;
            }
            Ok(batch)
        })
    }

    /// Takes over a push answer in one transaction. A receipt counts only for the item with exactly this id,
    /// number and hash; a refusal parks its item visibly.
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
                tx.prepare_cached("UPDATE item SET refused_json = ?2 WHERE id = ?1 AND custody = 'waiting'")?
                    .execute(params![element.id.to_string(), to_json(&element.reason)?])?;
            }
            account::set(tx, account::keys::MARK, &to_json(mark)?)?;
            Ok(accepted)
        })
    }

    /// Notes a failure with each of the items; `next` makes the new state from the number of attempts so far.
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

    /// Compares with what the server says it holds. What we held as received and it lacks (it was restored
    /// from a backup) is waiting again, with its photos. Returns how many.
    pub(crate) fn check_mark(&self, mark: &StreamMark) -> Result<usize> {
        let lacks = Reason::new(
            HandsetCode::ServerRestored,
            "服务器从备份恢复，缺少此条，将重新发送",
            "the server was restored from a backup and lacks this; it is sent again",
        );
        self.write(|tx| {
            account::set(tx, account::keys::MARK, &to_json(mark)?)?;
            // A store restored from its own older copy must not give out a number twice.
            if mark.highest >= next_n(tx)? && !sabotage::is(Defect::SeriesReusedAfterRestore) {
                set_next_n(tx, mark.highest.saturating_add(1))?;
            }
            if sabotage::is(Defect::MarkIgnored) {
                return Ok(0);
            }
            let mut lost = Vec::new();
            {
                let mut statement =
                    tx.prepare_cached("SELECT id, n FROM item WHERE custody = 'received' AND n > ?1")?;
                let mut rows = statement.query([int(mark.upto)?])?;
                while let Some(row) = rows.next()? {
                    if !holds(mark, super::uint(row.get(1)?)?) {
                        lost.push(row.get::<_, String>(0)?);
                    }
                }
            }
            let reason = to_json(&lacks)?;
            for id in &lost {
                run(
                    tx,
                    "UPDATE item SET custody = 'waiting', received_at = NULL, problem_json = ?2 WHERE id = ?1",
                    params![id, reason],
                )?;
                run(
                    tx,
                    "UPDATE photo SET custody = 'waiting', received_at = NULL, sent = 0 WHERE item = ?1",
                    [id],
                )?;
            }
            Ok(lost.len())
        })
    }

    /// What the server said last of how much of this stream it holds.
    pub fn mark(&self) -> Result<Option<StreamMark>> {
        self.read(|c| {
            account::get(c, account::keys::MARK)?
                .map(|text| super::from_json(&text))
                .transpose()
        })
    }

    /// Forgets items that the server has held, complete with photos, since before `older_than` (server
    /// time), except those that `keep` names. Returns the photo files that belong to nothing any more.
    pub fn prune(&self, older_than: Millis, keep: &dyn Fn(EntryId, RecordId) -> bool) -> Result<Vec<String>> {
        self.write(|tx| {
            let before = files(tx)?;
            let mut old: Vec<(EntryId, RecordId)> = Vec::new();
            {
                let mut statement = tx.prepare_cached(RIPE)?;
                let mut rows = statement.query([ripe_before(older_than)])?;
                while let Some(row) = rows.next()? {
                    let (id, record): (String, String) = (row.get(0)?, row.get(1)?);
                    old.push((parse(&id)?, parse(&record)?));
                }
            }
            for (id, _) in old.into_iter().filter(|(id, record)| !keep(*id, *record)) {
                run(tx, "DELETE FROM item WHERE id = ?1", [id.to_string()])?;
            }
            let after = files(tx)?;
            Ok(before.difference(&after).cloned().collect())
        })
    }

    /// Whether [`Self::prune`] may find something.
    pub(crate) fn has_ripe(&self, older_than: Millis) -> Result<bool> {
        self.read(|c| Ok(c.prepare_cached(RIPE)?.exists([ripe_before(older_than)])?))
    }

    /// Every photo file that an item needs; others in the photo folder are drafts' or nobody's.
    pub fn photo_files(&self) -> Result<std::collections::BTreeSet<String>> {
        let mut files = self.read(files)?;
        if sabotage::is(Defect::PhotoFileGoneBeforeReceipt) {
            let items = self.items()?.into_iter();
            let received = items.filter(|item| item.custody != super::Custody::Waiting);
            received
                .for_each(|item| files.retain(|file| item.photos.iter().all(|photo| photo.file != *file)));
        }
        Ok(files)
    }
}

/// What the server has held, with all its photos, since before a time.
const RIPE: &str = "SELECT id, record FROM item WHERE custody = 'received' AND received_at < ?1
    AND NOT EXISTS (SELECT 1 FROM photo p WHERE p.item = item.id
        AND (p.custody = 'waiting' OR p.received_at >= ?1))";

fn ripe_before(time: Millis) -> i64 {
    if sabotage::is(Defect::ForgetsAtOnce) {
        i64::MAX
    } else {
        time.0
    }
}

fn files(connection: &Connection) -> Result<std::collections::BTreeSet<String>> {
    let mut statement = connection.prepare_cached("SELECT file FROM photo")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Turns an item that was never offered into a void that keeps its id and number.
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
        "撤回不能再撤回",
        "a withdrawal cannot be taken back",
    )
}

/// Whether the mark says that the server holds this number. The list of holes ends after 100: beyond such a
/// list nothing is certain, and sending again does no harm.
pub(crate) fn holds(mark: &StreamMark, n: u64) -> bool {
    if n <= mark.upto {
        return true;
    }
    if n > mark.highest || mark.holes.iter().any(|(from, to)| (*from..=*to).contains(&n)) {
        return false;
    }
    mark.holes.len() < 100 || mark.holes.last().is_some_and(|(_, to)| n <= *to)
}
