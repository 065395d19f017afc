//! What stands in the outbox, as its worker may see it.

use crate::{
    Error, Result,
    store::{
        database::Store,
        retry::{self, Retry, SyncStep},
        sql::{from_json, parse, uint},
    },
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

/// What a worker submits.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// Chosen when the worker begins (the draft's id). Submitting the same id twice gives the same item,
    /// however often the button was tapped (failure story 6).
    pub id: EntryId,
    /// What it says.
    pub payload: Payload,
    /// What it is about.
    pub record: RecordId,
    /// The entry of the same record that must be applied first.
    pub after: Option<EntryId>,
    /// The entry of the same record that this one mends.
    pub supersedes: Option<EntryId>,
    /// The grid version in which cells were looked up.
    pub grid: Option<GridVersion>,
    /// Where and when.
    pub evidence: Evidence,
    /// A line for the queue.
    pub summary: String,
    /// Names of the photos' files in the photo folder, in the order of the payload's photos. They are on the
    /// disk durably before the entry is submitted.
    pub photo_files: Vec<String>,
}

/// Who holds an item (custody).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Custody {
    /// Only this handset. Tried again until the server's receipt.
    Waiting,
    /// The server took all others and refused this one (`entry.conflict`, `entry.number_taken` …). It stays
    /// on the handset and blocks nothing.
    Refused(Reason),
    /// The server holds exactly these bytes, since this server time.
    Received(Millis),
}

/// One item of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The entry's id; the 受理号 is [`protocol::entry::receipt_number`] of it.
    pub id: EntryId,
    /// Its number in the stream.
    pub n: u64,
    /// Its kind; `void` when it was cancelled before it was ever sent.
    pub kind: Open<EntryKind>,
    /// What it is about.
    pub record: RecordId,
    /// The entry that must be applied first.
    pub after: Option<EntryId>,
    /// The entry it mends.
    pub supersedes: Option<EntryId>,
    /// Hash of its bytes.
    pub sha256: Sha256,
    /// A line for the queue.
    pub summary: String,
    /// Wall clock at submit.
    pub created: Millis,
    /// Who holds it.
    pub custody: Custody,
    /// The bytes may have left the handset.
    pub offered: bool,
    /// The kind it had before it was cancelled.
    pub cancelled: Option<Open<EntryKind>>,
    /// What became of it, as far as the server said, and when.
    pub disposition: Option<(Disposition, Millis)>,
    /// Next try and last problem of sending it, the session's included.
    pub retry: Retry,
    /// Its photos in order.
    pub photos: Vec<PhotoItem>,
}

impl Item {
    /// Whether the server holds the entry and all of its photos.
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
    /// Bytes.
    pub size: u64,
    /// What it shows.
    pub role: PhotoRole,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Name in the photo folder.
    pub file: String,
    /// Bytes that the server has confirmed of an upload under way.
    pub sent: u64,
    /// Server time of the receipt for exactly this hash; absent while the photo is only here.
    pub received: Option<Millis>,
    /// Next try and last problem of sending it.
    pub retry: Retry,
}

const COLUMNS: &str = "id, n, kind, record, after_entry, supersedes, sha256, summary, created, custody, offered, \
     cancelled, received_at, refused_json, disposition, reason_json, disposition_at, \
     attempts, not_before, asked, problem_json";

fn kind(text: &str) -> Open<EntryKind> {
    text.parse()
        .map_or_else(|_| Open::Other(text.to_owned()), Open::Known)
}

/// The stable text of a kind.
pub(super) fn kind_text(kind: &Open<EntryKind>) -> &str {
    match kind {
        Open::Known(kind) => kind.as_str(),
        Open::Other(text) => text,
    }
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
        summary: text(7)?,
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

/// The photos of all items that fit a condition: one question, however many items there are.
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

/// Items that fit a condition, with their photos, in the order of their numbers.
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
    // While there is no session nothing goes, and that is every waiting item's reason (law 2).
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

impl Store {
    /// The item with this id.
    pub fn item(&self, id: EntryId) -> Result<Option<Item>> {
        self.read(|c| find(c, id))
    }
    /// All items of a record, in order: a report with its withdrawal, an activity with its mended versions.
    pub fn items_of_record(&self, record: RecordId) -> Result<Vec<Item>> {
        self.read(|c| select(c, "record = ?1", [&record.to_string()]))
    }
    /// All items on the handset, sent ones included while they are kept, in the order of their numbers.
    pub fn items(&self) -> Result<Vec<Item>> {
        self.read(|c| select(c, "1 = 1", []))
    }
    /// The items that the server has not confirmed yet, in the order of their numbers.
    pub fn items_not_received(&self) -> Result<Vec<Item>> {
        self.read(|c| select(c, "custody = 'waiting'", []))
    }
    /// The entry as it was submitted, and its bytes.
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
