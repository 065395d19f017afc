//! Items of the outbox, as the worker may see them.

use crate::{
    Error, Result,
    store::{
        database::HandsetStore,
        retry::{self, Retry, SyncStep},
        sql::{from_json, parse, uint},
    },
    words::Summary,
};
use protocol::{
    codes::GridVersion,
    entry::{Disposition, Entry, Reason},
    evidence::Evidence,
    ids::{EntryId, RecordId},
    open::Open,
    payload::{EntryKind, Payload},
    photo::{PhotoRole, Sha256},
    time::Millis,
};
use rusqlite::{Connection, Row, params};
use std::collections::HashMap;

/// An entry to be submitted.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// Chosen when the worker begins (the draft's id). Submitting the same id again returns the same item,
    /// however often the button was pressed (failure story 6).
    pub id: EntryId,
    /// The content.
    pub payload: Payload,
    /// The record it belongs to.
    pub record: RecordId,
    /// The entry of the same record that must be applied first.
    pub after: Option<EntryId>,
    /// The entry of the same record that this one revises.
    pub supersedes: Option<EntryId>,
    /// The grid version used for cell lookups.
    pub grid: Option<GridVersion>,
    /// Place and time.
    pub evidence: Evidence,
    /// What it is about, for the queue.
    pub summary: Summary,
    /// File names of the photos in the photo folder, in the order of the payload's photos. The files must be
    /// durable before the entry is submitted.
    pub photo_files: Vec<String>,
}

/// Who holds an item (custody).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Custody {
    /// Only this handset holds it. It is sent again until the server's receipt arrives.
    Waiting,
    /// The server refused this item (`entry.conflict`, `entry.number_taken` …). It stays on the handset,
    /// visible, and does not block others.
    Refused(Reason),
    /// The server holds exactly these bytes, since this server time.
    Received(Millis),
}

/// One item of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The entry's id. [`protocol::entry::receipt_number`] gives its 受理号.
    pub id: EntryId,
    /// The number in the stream.
    pub n: u64,
    /// The kind; `void` if it was cancelled before it was offered.
    pub kind: Open<EntryKind>,
    /// The record it belongs to.
    pub record: RecordId,
    /// The entry that must be applied first.
    pub after: Option<EntryId>,
    /// The entry it revises.
    pub supersedes: Option<EntryId>,
    /// Hash of the entry's bytes.
    pub sha256: Sha256,
    /// What it is about, for the queue.
    pub summary: Summary,
    /// Time of submission: the best estimate; corrected once the time is known.
    pub created: Millis,
    /// Who holds it.
    pub custody: Custody,
    /// The bytes may have left the handset.
    pub offered: bool,
    /// The kind before the cancellation.
    pub cancelled: Option<Open<EntryKind>>,
    /// The server's decision about it, and when it was made.
    pub disposition: Option<(Disposition, Millis)>,
    /// Next try and last problem, including those of the session.
    pub retry: Retry,
    /// Photos in order.
    pub photos: Vec<PhotoItem>,
}

impl Item {
    /// Returns true if the server holds the entry and all its photos.
    pub fn is_complete(&self) -> bool {
        matches!(self.custody, Custody::Received(_)) && self.photos.iter().all(|p| p.received.is_some())
    }
}

/// One photo of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoItem {
    /// Position in the entry, from 0.
    pub position: u32,
    /// Hash of the plain bytes.
    pub sha256: Sha256,
    /// Size in bytes.
    pub size: u64,
    /// What the photo shows.
    pub role: PhotoRole,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// File name in the photo folder.
    pub file: String,
    /// Bytes of the upload that the server has confirmed.
    pub sent: u64,
    /// Server time of the receipt for exactly this hash; `None` while only this handset holds the photo.
    pub received: Option<Millis>,
    /// Next try and last problem.
    pub retry: Retry,
}

const COLUMNS: &str = "id, n, kind, record, after_entry, supersedes, sha256, summary, created, custody, offered, \
     cancelled, received_at, refused_json, disposition, reason_json, disposition_at, \
     attempts, not_before, asked, problem_json, summary_parts";

fn kind(text: &str) -> Open<EntryKind> {
    text.parse()
        .map_or_else(|_| Open::Other(text.to_owned()), Open::Known)
}

/// The stored name of a kind.
pub(super) fn kind_text(kind: &Open<EntryKind>) -> &str {
    match kind {
        Open::Known(kind) => kind.as_str(),
        Open::Other(text) => text,
    }
}

/// Parts that this version cannot read, and rows of older versions, show the Chinese words.
fn summary(words: &str, parts: Option<String>) -> Summary {
    parts
        .and_then(|parts| serde_json::from_str(&parts).ok())
        .unwrap_or_else(|| words.into())
}

fn item(row: &Row<'_>) -> Result<Item> {
    let text = |k: usize| row.get::<_, String>(k);
    let maybe = |k: usize| row.get::<_, Option<String>>(k);
    let received_at: Option<i64> = row.get(12)?;
    let custody = match (text(9)?.as_str(), maybe(13)?) {
        ("received", _) => Custody::Received(Millis(received_at.unwrap_or_default())),
        (_, Some(reason)) => Custody::Refused(from_json(&reason)?),
        (_, None) => Custody::Waiting,
    };
    let disposition = match (maybe(14)?, row.get::<_, Option<i64>>(16)?) {
        (Some(state), Some(at)) => {
            let state = state.parse().map_or(Open::Other(state), Open::Known);
            let reason = maybe(15)?.map(|r| from_json(&r)).transpose()?;
            Some((Disposition { state, reason }, Millis(at)))
        }
        _ => None,
    };
    Ok(Item {
        id: parse(&text(0)?)?,
        n: uint(row.get(1)?)?,
        kind: kind(&text(2)?),
        record: parse(&text(3)?)?,
        after: maybe(4)?.map(|t| parse(&t)).transpose()?,
        supersedes: maybe(5)?.map(|t| parse(&t)).transpose()?,
        sha256: parse(&text(6)?)?,
        summary: summary(&text(7)?, maybe(21)?),
        created: Millis(row.get(8)?),
        custody,
        offered: row.get(10)?,
        cancelled: maybe(11)?.map(|t| kind(&t)),
        disposition,
        retry: retry::read(row, 17)?,
        photos: Vec::new(),
    })
}

fn photo(row: &Row<'_>) -> Result<PhotoItem> {
    let received: Option<i64> = row.get(9)?;
    let is_received = row.get::<_, String>(8)? == "received";
    Ok(PhotoItem {
        position: row.get(0)?,
        sha256: parse(&row.get::<_, String>(1)?)?,
        size: uint(row.get(2)?)?,
        role: from_json(&row.get::<_, String>(3)?)?,
        width: row.get(4)?,
        height: row.get(5)?,
        file: row.get(6)?,
        sent: uint(row.get(7)?)?,
        received: is_received.then(|| Millis(received.unwrap_or_default())),
        retry: retry::read(row, 10)?,
    })
}

/// The photos of all items that match a condition, in one query.
fn photos(
    connection: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> Result<HashMap<EntryId, Vec<PhotoItem>>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT position, sha256, size, role, width, height, file, sent, custody, received_at,
                attempts, not_before, asked, problem_json, item
         FROM photo WHERE item IN (SELECT id FROM item WHERE {condition}) ORDER BY item, position"
    ))?;
    let mut rows = statement.query(parameters)?;
    let mut photos: HashMap<EntryId, Vec<PhotoItem>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let item = parse(&row.get::<_, String>(14)?)?;
        photos.entry(item).or_default().push(photo(row)?);
    }
    Ok(photos)
}

/// Items that match a condition, with their photos, by number.
pub(super) fn select(
    connection: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params + Copy,
) -> Result<Vec<Item>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM item WHERE {condition} ORDER BY n"
    ))?;
    let mut rows = statement.query(parameters)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(item(row)?);
    }
    let mut photos = photos(connection, condition, parameters)?;
    // Without a session nothing is sent, and every waiting item shows that reason (law 2).
    let session = retry::step(connection, SyncStep::Session)?;
    for item in &mut items {
        item.photos = photos.remove(&item.id).unwrap_or_default();
        if item.custody == Custody::Waiting {
            item.retry.defer_to(&session);
        }
        for photo in item.photos.iter_mut().filter(|photo| photo.received.is_none()) {
            photo.retry.defer_to(&session);
        }
    }
    Ok(items)
}

pub(super) fn find(connection: &Connection, id: EntryId) -> Result<Option<Item>> {
    Ok(select(connection, "id = ?1", [&id.to_string()])?.pop())
}

impl HandsetStore {
    /// The item with this id.
    pub fn item(&self, id: EntryId) -> Result<Option<Item>> {
        self.read(|c| find(c, id))
    }
    /// All items of a record by number: a report with its withdrawal, an activity with its revisions.
    pub fn items_of_record(&self, record: RecordId) -> Result<Vec<Item>> {
        self.read(|c| select(c, "record = ?1", [&record.to_string()]))
    }
    /// All items on the handset by number, including those that were sent and are still kept.
    pub fn items(&self) -> Result<Vec<Item>> {
        self.read(|c| select(c, "1 = 1", []))
    }
    /// Items without a receipt, by number.
    pub fn items_not_received(&self) -> Result<Vec<Item>> {
        self.read(|c| select(c, "custody = 'waiting'", []))
    }
    /// The entry as submitted, and its exact bytes.
    pub fn entry(&self, id: EntryId) -> Result<(Entry, Vec<u8>)> {
        let bytes: Vec<u8> = self.read(|c| {
            c.prepare_cached("SELECT bytes FROM item WHERE id = ?1")?
                .query_row(params![id.to_string()], |row| row.get(0))
                .map_err(|error| match error {
                    rusqlite::Error::QueryReturnedNoRows => Error::NoSuchItem,
                    error => error.into(),
                })
        })?;
        let (entry, _) = Entry::read(&bytes)?;
        Ok((entry, bytes))
    }
}
