//! Real rows as templates: which parts of a row belong to one case or activity record, and what a copy puts in their place.

use anyhow::{Context as _, Result, ensure};
use protocol::{entry::receipt_number, ids::EntryId, photo::Sha256};
use server::{
    cases::ledger,
    params,
    store::{Row, Store, StoreError, Tx, Value},
};
use std::collections::BTreeMap;

/// Tables in the order in which their rows are copied: what is referred to comes first.
pub const TABLES: [&str; 13] = [
    "push",
    "entry",
    "photo",
    "entry_photo",
    "case_file",
    "case_event",
    "attachment_use",
    "task",
    "task_lease",
    "activity",
    "activity_review",
    "mailbox_row",
    "stream_mark",
];

/// Columns that hold a time, in milliseconds; a copy shifts them.
const TIMES: &[&str] = &[
    "received", "made_at", "state_at", "reported", "created", "updated", "deadline", "due", "issued",
    "resolved", "answered", "since", "until", "at", "starts", "ends", "reviewed", "compared",
];

/// The terminal whose rows are copied.
#[derive(Debug, Clone)]
pub struct Owner {
    pub stream: String,
    pub person: String,
    pub post: String,
}

/// One column of a row.
#[derive(Debug, Clone)]
enum Part {
    Fixed(Value),
    /// A time, moved with the copy.
    Time(i64),
    Text(Vec<Piece>),
    Bytes(Vec<Piece>),
    /// The entry's number in its stream.
    Number(usize),
    /// The next number of the row's mailbox.
    Mail,
    /// SHA-256 of the row's `bytes`.
    OfBytes,
    /// Hash of the event before, and of this one.
    Previous,
    Sealed,
}

/// A piece of a text.
#[derive(Debug, Clone)]
enum Piece {
    Literal(String),
    Slot(usize),
}

#[derive(Debug, Clone)]
struct RowPattern {
    table: usize,
    columns: Vec<(String, Part)>,
}

/// The rows of one case or activity record.
#[derive(Debug, Clone)]
pub struct Template {
    rows: Vec<RowPattern>,
    slots: Vec<SlotKind>,
    /// Time of the first row.
    began: i64,
    entries: usize,
    /// Columns of each table, in the order of its rows.
    pub columns: BTreeMap<usize, Vec<String>>,
}

/// What stands in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SlotKind {
    Stream,
    Person,
    Post,
    /// A new id.
    Id,
    /// The receipt number of the entry in that slot.
    Receipt(usize),
    Photo,
    Cell,
    /// `"n":7` of the entry with this index.
    Numbered(usize),
}

/// Where a copy goes.
#[derive(Debug)]
pub struct Copy<'a> {
    pub owner: &'a Owner,
    pub cell: &'a str,
    /// Time of its first row.
    pub at: i64,
    /// Number of its first entry.
    pub first: i64,
}

/// A finished row: the index of its table and its values.
pub type CopiedRow = (usize, Vec<Value>);

impl Template {
    /// Reads the rows of a case, or of an activity record, that `owner` alone wrote.
    pub fn read(store: &Store, owner: &Owner, record: &str, cell: &str) -> Result<Self> {
        let (owner, record, cell) = (owner.clone(), record.to_owned(), cell.to_owned());
        let found = store.read_blocking(move |tx| gather(tx, &record))?;
        let Gathered { ids, entries, rows } = found;
        ensure!(!entries.is_empty(), "no entries");
        let mut slots = vec![SlotKind::Stream, SlotKind::Person, SlotKind::Post, SlotKind::Cell];
        let mut texts = vec![owner.stream, owner.person, owner.post, cell];
        for id in &ids {
            slots.push(SlotKind::Id);
            texts.push(id.clone());
        }
        for (index, (entry, n)) in entries.iter().enumerate() {
            let at = texts
                .iter()
                .position(|text| text == entry)
                .context("the entry has no slot")?;
            slots.push(SlotKind::Receipt(at));
            texts.push(receipt_number(
                entry
                    .parse::<EntryId>()
                    .map_err(|_| anyhow::anyhow!("no entry id"))?,
            ));
            slots.push(SlotKind::Numbered(index));
            texts.push(format!("\"n\":{n},"));
        }
        for (table, row) in &rows {
            if TABLES.get(*table) == Some(&"photo") {
                slots.push(SlotKind::Photo);
                texts.push(row.get("sha256")?);
            }
        }
        let began = rows
            .iter()
            .filter_map(|(_, row)| row.get::<i64>("received").ok())
            .min()
            .context("no times")?;
        let mut columns = BTreeMap::new();
        let mut patterns = Vec::new();
        for (table, row) in &rows {
            columns.entry(*table).or_insert_with(|| row.columns().to_vec());
            patterns.push(pattern(*table, row, &texts, &entries)?);
        }
        Ok(Self {
            rows: patterns,
            slots,
            began,
            entries: entries.len(),
            columns,
        })
    }

    /// Number of entries, which is how many numbers of the stream a copy takes.
    pub fn entries(&self) -> i64 {
        i64::try_from(self.entries).unwrap_or(i64::MAX)
    }

    /// The rows of a copy. `id` gives new ids, `mail` the next number of a mailbox.
    pub fn copy(
        &self,
        to: &Copy<'_>,
        mut id: impl FnMut() -> String,
        mut mail: impl FnMut(&str) -> i64,
    ) -> Result<Vec<CopiedRow>> {
        let mut values: Vec<String> = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let value = match slot {
                SlotKind::Stream => to.owner.stream.clone(),
                SlotKind::Person => to.owner.person.clone(),
                SlotKind::Post => to.owner.post.clone(),
                SlotKind::Cell => to.cell.to_owned(),
                SlotKind::Id => id(),
                SlotKind::Receipt(at) => {
                    let entry = values.get(*at).context("no entry id")?;
                    receipt_number(
                        entry
                            .parse::<EntryId>()
                            .map_err(|_| anyhow::anyhow!("no entry id"))?,
                    )
                }
                SlotKind::Photo => Sha256::of(id().as_bytes()).to_string(),
                SlotKind::Numbered(index) => format!("\"n\":{},", to.first + i64::try_from(*index)?),
            };
            values.push(value);
        }
        let shift = to.at - self.began;
        let text = |pieces: &[Piece]| {
            let mut text = String::new();
            for piece in pieces {
                match piece {
                    Piece::Literal(literal) => text.push_str(literal),
                    Piece::Slot(slot) => text.push_str(values.get(*slot).map_or("", String::as_str)),
                }
            }
            text
        };
        let mut previous = ledger::GENESIS.to_owned();
        let mut copied = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let mut done = Vec::with_capacity(row.columns.len());
            for (_, part) in &row.columns {
                done.push(match part {
                    Part::Fixed(value) => value.clone(),
                    Part::Time(at) => Value::Int(at + shift),
                    Part::Text(pieces) => Value::Text(text(pieces)),
                    Part::Bytes(pieces) => Value::Blob(text(pieces).into_bytes()),
                    Part::Number(index) => Value::Int(to.first + i64::try_from(*index)?),
                    Part::Mail | Part::OfBytes | Part::Previous | Part::Sealed => Value::Null,
                });
            }
            let of = |name: &str| row.columns.iter().position(|(column, _)| column == name);
            for (at, (_, part)) in row.columns.iter().enumerate() {
                let value = match part {
                    Part::OfBytes => {
                        let bytes = of("bytes").and_then(|at| done.get(at));
                        let Some(Value::Blob(bytes)) = bytes else { continue };
                        Sha256::of(bytes).to_string().into()
                    }
                    Part::Mail => {
                        let Some(Value::Text(mailbox)) = of("mailbox").and_then(|at| done.get(at)) else {
                            continue;
                        };
                        mail(mailbox).into()
                    }
                    Part::Previous => previous.as_str().into(),
                    Part::Sealed => {
                        let Some(Value::Text(body)) = of("body").and_then(|at| done.get(at)) else {
                            continue;
                        };
                        ledger::seal(&previous, body).into()
                    }
                    _ => continue,
                };
                if let (Part::Sealed, Value::Text(hash)) = (part, &value) {
                    hash.clone_into(&mut previous);
                }
                if let Some(place) = done.get_mut(at) {
                    *place = value;
                }
            }
            copied.push((row.table, done));
        }
        Ok(copied)
    }
}

struct Gathered {
    /// Ids that are the copy's own.
    ids: Vec<String>,
    /// Ids and numbers of its entries.
    entries: Vec<(String, i64)>,
    rows: Vec<(usize, Row)>,
}

/// Reads everything that one record brought about.
fn gather(tx: &mut Tx<'_>, record: &str) -> Result<Gathered, StoreError> {
    let text = |tx: &mut Tx<'_>, sql: &str, key: &str| -> Result<Vec<String>, StoreError> {
        tx.all(sql, params![key], |row| row.get(0_usize))
    };
    let cases = text(tx, "SELECT id FROM case_file WHERE record = ?1", record)?;
    let mut entries = text(tx, "SELECT id FROM entry WHERE record = ?1", record)?;
    let mut tasks = Vec::new();
    let mut events = Vec::new();
    for case in &cases {
        tasks.extend(text(tx, "SELECT id FROM task WHERE case_id = ?1", case)?);
        events.extend(text(tx, "SELECT id FROM case_event WHERE case_id = ?1", case)?);
    }
    for task in &tasks {
        entries.extend(text(
            tx,
            "SELECT answer_entry FROM task WHERE id = ?1 AND answer_entry IS NOT NULL",
            task,
        )?);
    }
    let mut numbered = Vec::new();
    let mut pushes = Vec::new();
    let mut records = Vec::new();
    for entry in &entries {
        let (n, push, record): (i64, String, String) = tx.one(
            "SELECT n, push, record FROM entry WHERE id = ?1",
            params![entry],
            |row| Ok((row.get("n")?, row.get("push")?, row.get("record")?)),
        )?;
        numbered.push((entry.clone(), n));
        pushes.push(push);
        records.push(record);
    }
    for list in [&mut pushes, &mut records] {
        list.sort();
        list.dedup();
    }
    numbered.sort_by_key(|(_, n)| *n);
    let mut rows = Vec::new();
    let mut of = |table: &str, condition: &str, keys: &[String]| -> Result<(), StoreError> {
        let at = TABLES.iter().position(|name| *name == table).unwrap_or(0);
        for key in keys {
            let found = tx.all(
                &format!("SELECT * FROM {table} WHERE {condition}"),
                params![key],
                |row| Ok(row.clone()),
            )?;
            rows.extend(found.into_iter().map(|row| (at, row)));
        }
        Ok(())
    };
    of("push", "id = ?1", &pushes)?;
    of("entry", "id = ?1", &entries)?;
    let named = "(stream, sha256) IN (SELECT stream, sha256 FROM entry_photo WHERE entry = ?1)";
    of("photo", named, &entries)?;
    of("entry_photo", "entry = ?1", &entries)?;
    of("case_file", "id = ?1", &cases)?;
    of("case_event", "case_id = ?1 ORDER BY seq", &cases)?;
    of("attachment_use", "case_id = ?1", &cases)?;
    of("task", "id = ?1", &tasks)?;
    of("task_lease", "task = ?1", &tasks)?;
    of("activity", "record = ?1", &records)?;
    of("activity_review", "record = ?1", &records)?;
    for kind in [&cases, &entries, &records, &tasks] {
        of("mailbox_row", "entity = ?1", kind)?;
    }
    let mut ids = [cases, entries, tasks, events, pushes, records].concat();
    ids.sort();
    ids.dedup();
    Ok(Gathered {
        ids,
        entries: numbered,
        rows,
    })
}

fn pattern(table: usize, row: &Row, texts: &[String], entries: &[(String, i64)]) -> Result<RowPattern> {
    let name = TABLES.get(table).copied().unwrap_or_default();
    let columns = row.columns().iter().map(|column| {
        let value: Value = row.get(column.as_str())?;
        let part = match (name, column.as_str(), value) {
            ("mailbox_row", "n", _) => Part::Mail,
            // Its object is not copied, so the job must not look at it.
            ("photo", "compared", _) => Part::Time(row.get("received")?),
            ("entry", "n", Value::Int(n)) => {
                let index = entries.iter().position(|(_, own)| *own == n);
                Part::Number(index.context("an entry of another stream")?)
            }
            ("entry", "sha256", _) => Part::OfBytes,
            ("case_event", "previous", _) => Part::Previous,
            ("case_event", "hash", _) => Part::Sealed,
            (_, column, Value::Int(at)) if TIMES.contains(&column) => Part::Time(at),
            (_, _, Value::Text(text)) => Part::Text(pieces(&text, texts)),
            (_, "bytes", Value::Blob(bytes)) => Part::Bytes(pieces(&String::from_utf8(bytes)?, texts)),
            (_, _, other) => Part::Fixed(other),
        };
        Ok((column.clone(), part))
    });
    Ok(RowPattern {
        table,
        columns: columns.collect::<Result<_>>()?,
    })
}

/// Splits a text at the texts of the slots.
fn pieces(text: &str, slots: &[String]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let next = slots
            .iter()
            .enumerate()
            .filter_map(|(slot, of)| Some((rest.find(of.as_str())?, slot)))
            .min();
        let Some((at, slot)) = next else { break };
        let (before, after) = rest.split_at(at);
        if !before.is_empty() {
            pieces.push(Piece::Literal(before.to_owned()));
        }
        pieces.push(Piece::Slot(slot));
        rest = after
            .get(slots.get(slot).map_or(0, String::len)..)
            .unwrap_or_default();
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_owned()));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_at_each_slot() {
        let slots = ["abc".to_owned(), "7".to_owned()];
        let text = |pieces: Vec<Piece>| {
            let one = |piece: &Piece| match piece {
                Piece::Literal(text) => text.clone(),
                Piece::Slot(slot) => format!("<{slot}>"),
            };
            pieces.iter().map(one).collect::<String>()
        };
        assert_eq!(text(pieces("x7abc7-abc", &slots)), "x<1><0><1>-<0>");
        assert_eq!(text(pieces("nothing", &slots)), "nothing");
        assert_eq!(text(pieces("", &slots)), "");
    }
}
