//! Puts entries into the outbox: numbered, serialised once, durable.

use crate::{
    Error, Result,
    store::{
        account::account_of,
        database::HandsetStore,
        handed_over::refuse_if_done,
        items::{Item, NewEntry, find},
        planted_items::under_two_ids,
        settings,
        sql::{int, parse, run, to_json},
    },
    words::Lang,
};
use protocol::{
    WIRE_VERSION,
    entry::{Entry, MAX_ENTRY_BYTES},
    photo::{MAX_PHOTOS_PER_ENTRY, Sha256},
    planted,
    problem::{HandsetCode, ProblemCode},
    sabotage::{self, Defect},
};
use rusqlite::{Connection, params};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

pub(super) fn next_n(connection: &Connection) -> Result<u64> {
    settings::get(connection, settings::keys::NEXT_N)?.map_or(Ok(1), |text| parse(&text))
}

pub(super) fn set_next_n(connection: &Connection, n: u64) -> Result<()> {
    settings::set(connection, settings::keys::NEXT_N, &n.to_string())
}

/// Drops control characters other than line ends and tabs from all texts. Nobody means to type them; they come from
/// scanners and other programs, no database engine stores a NUL, and terminals obey some of them.
fn without_controls(payload: Box<RawValue>) -> serde_json::Result<Box<RawValue>> {
    // Written with a backslash, or beyond ASCII as they are; nearly no payload has either.
    if !payload.get().contains(|c: char| c == '\\' || c.is_control()) {
        return Ok(payload);
    }
    to_raw_value(&plain(serde_json::from_str(payload.get())?))
}

fn plain(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(
            text.chars()
                .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
                .collect(),
        ),
        Value::Array(all) => all.into_iter().map(plain).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, plain(value)))
            .collect(),
        other => other,
    }
}

pub(super) fn entry_bytes(connection: &Connection, new: &NewEntry, n: u64) -> Result<Vec<u8>> {
    let account = account_of(connection)?;
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
        payload: without_controls(new.payload.to_json()?)?,
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

pub(super) fn insert(connection: &Connection, new: &NewEntry) -> Result<Item> {
    if let Some(there) = find(connection, new.id)? {
        return Ok(there);
    }
    refuse_if_done(connection)?;
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
    let clock = &new.evidence.clock;
    connection
        .prepare_cached(
            "INSERT INTO item (id, n, kind, record, after_entry, supersedes, bytes, sha256, summary, created,
                               summary_parts, made_boot, made_monotonic_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
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
            new.summary.words(Lang::Zh),
            clock.estimate().0,
            to_json(&new.summary)?,
            (!clock.is_trusted()).then_some(clock.boot.as_str()),
            (!clock.is_trusted()).then_some(clock.monotonic_ms),
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
    let taken = u64::from(!sabotage::is(Defect::NumberAfterwards));
    set_next_n(connection, n.saturating_add(taken))?;
    run(
        connection,
        "DELETE FROM draft WHERE id = ?1",
        [new.id.to_string()],
    )?;
    find(connection, new.id)?.ok_or(Error::NoSuchItem)
}

impl HandsetStore {
    /// Submits an entry: assigns the number, serialises once, and stores it with its photos in one
    /// transaction that also deletes the draft with the same id. The entry is durable when the call returns.
    ///
    /// # Errors
    /// `entry.too_large`, `photo.count`, [`Error::NotEnrolled`], and errors of the disk: nothing was stored
    /// and the draft still exists. [`Error::OutcomeUnknown`] only if COMMIT failed twice.
    pub fn submit(&self, new: &NewEntry) -> Result<Item> {
        planted!(NewIdAfterUnknownOutcome => return under_two_ids(new, &|e| self.write(|tx| insert(tx, e))));
        let submitted = self.repeat_if_unknown(|store| store.write(|tx| insert(tx, new)))?;
        let next = submitted.n.saturating_add(1);
        planted!(NumberAfterwards => self.write(|tx| set_next_n(tx, next))?);
        Ok(submitted)
    }
    /// Performs an idempotent change. After a failed COMMIT it is repeated on the reopened file, where the
    /// first try is found by its id if it was stored.
    pub(super) fn repeat_if_unknown<T>(&self, change: impl Fn(&Self) -> Result<T>) -> Result<T> {
        match change(self) {
            Err(Error::OutcomeUnknown) => change(self),
            other => other,
        }
    }
}
