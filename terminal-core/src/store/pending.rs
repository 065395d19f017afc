//! Everything that only this handset holds: what is handed over sealed when the stream ends.

use crate::{
    Result,
    photos::folder::PhotoFolder,
    store::{
        database::HandsetStore,
        drafts::SavedDraft,
        handed_over::{HANDED_OVER, HandedOver},
        settings,
        sql::{parse, to_json, uint},
    },
};
use protocol::{
    entry::Receipt,
    field::PhotoReceipt,
    ids::EntryId,
    photo::Sha256,
    push::StreamMark,
    sabotage::{self, Defect},
    time::Millis,
};
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeSet;

/// Everything without a receipt.
#[derive(Debug, Clone, Default)]
pub struct PendingWork {
    /// By number; includes entries that the server refused.
    pub entries: Vec<PendingEntry>,
    pub drafts: Vec<SavedDraft>,
    /// Photos of entries and drafts; each hash once.
    pub photos: Vec<PendingPhoto>,
}

/// An entry without a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEntry {
    pub id: EntryId,
    pub sha256: Sha256,
    pub bytes: Vec<u8>,
}

/// A photo without a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingPhoto {
    pub sha256: Sha256,
    pub size: u64,
    /// File name in the photo folder.
    pub file: String,
}

/// The photos named anywhere in a draft's JSON, including drafts of a newer app whose format is unknown.
pub(crate) fn photos_of_draft(json: &str) -> Vec<PendingPhoto> {
    fn look(value: &Value, found: &mut Vec<PendingPhoto>) {
        match value {
            Value::Object(fields) => {
                let sha256 = fields
                    .get("sha256")
                    .and_then(Value::as_str)
                    .and_then(|text| text.parse().ok());
                if let Some((sha256, size)) = sha256.zip(fields.get("size").and_then(Value::as_u64)) {
                    found.push(PendingPhoto {
                        file: PhotoFolder::file_name(sha256),
                        sha256,
                        size,
                    });
                }
                fields.values().for_each(|inner| look(inner, found));
            }
            Value::Array(values) => values.iter().for_each(|inner| look(inner, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(draft) = serde_json::from_str(json) {
        look(&draft, &mut found);
    }
    found
}

fn entries(connection: &Connection) -> Result<Vec<PendingEntry>> {
    let mut statement = connection
        .prepare_cached("SELECT id, sha256, bytes FROM item WHERE custody = 'waiting' ORDER BY n")?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(PendingEntry {
            id: parse(&row.get::<_, String>(0)?)?,
            sha256: parse(&row.get::<_, String>(1)?)?,
            bytes: row.get(2)?,
        });
    }
    entries.truncate(entries.len() - usize::from(sabotage::is(Defect::HandoverLeavesOut)).min(entries.len()));
    Ok(entries)
}

fn photos(connection: &Connection) -> Result<Vec<PendingPhoto>> {
    let mut statement = connection.prepare_cached(
        "SELECT p.sha256, p.size, p.file FROM photo p JOIN item i ON i.id = p.item
         WHERE p.custody = 'waiting' ORDER BY i.n, p.position",
    )?;
    let mut rows = statement.query([])?;
    let mut photos: Vec<PendingPhoto> = Vec::new();
    while let Some(row) = rows.next()? {
        photos.push(PendingPhoto {
            sha256: parse(&row.get::<_, String>(0)?)?,
            size: uint(row.get(1)?)?,
            file: row.get(2)?,
        });
    }
    Ok(photos)
}

fn drafts(connection: &Connection) -> Result<Vec<SavedDraft>> {
    let mut statement = connection.prepare_cached("SELECT id, kind, json, updated FROM draft ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut drafts = Vec::new();
    while let Some(row) = rows.next()? {
        drafts.push(SavedDraft {
            id: parse(&row.get::<_, String>(0)?)?,
            kind: row.get(1)?,
            json: row.get(2)?,
            updated: Millis(row.get(3)?),
        });
    }
    Ok(drafts)
}

fn pending(connection: &Connection) -> Result<PendingWork> {
    let drafts = drafts(connection)?;
    let mut photos = photos(connection)?;
    photos.extend(drafts.iter().flat_map(|draft| photos_of_draft(&draft.json)));
    let mut seen = BTreeSet::new();
    photos.retain(|photo| seen.insert(photo.sha256));
    Ok(PendingWork {
        entries: entries(connection)?,
        drafts,
        photos,
    })
}

impl HandsetStore {
    /// Everything that only this handset holds.
    pub fn pending(&self) -> Result<PendingWork> {
        self.read(pending)
    }
    /// Marks entries as offered: cancelling one is a withdrawal from now on.
    pub(crate) fn mark_offered(&self, ids: &[EntryId]) -> Result<()> {
        self.write(|tx| {
            let mut statement =
                tx.prepare_cached("UPDATE item SET offered = 1 WHERE id = ?1 AND offered = 0")?;
            for id in ids {
                statement.execute([id.to_string()])?;
            }
            Ok(())
        })
    }
    /// Stores the answer to a parcel. Entries first: a photo receipt counts only when its entry is received.
    pub(crate) fn accept_parcel(
        &self,
        receipts: &[Receipt],
        photos: &[PhotoReceipt],
        mark: &StreamMark,
    ) -> Result<()> {
        self.accept(receipts, &[], mark)?;
        for photo in photos {
            self.photo_received(photo)?;
        }
        Ok(())
    }
    /// Ends this store if the server holds everything; `done` are the hashes that the server keeps in other
    /// form. The store then accepts nothing new. Returns false if something was filed meanwhile.
    pub(crate) fn finish_handover(&self, done: &BTreeSet<Sha256>, summary: &HandedOver) -> Result<bool> {
        self.write(|tx| {
            let left = pending(tx)?;
            let is_done = |sha256: &Sha256| done.contains(sha256);
            let is_over = left.entries.iter().all(|entry| is_done(&entry.sha256))
                && left.photos.iter().all(|photo| is_done(&photo.sha256))
                && left
                    .drafts
                    .iter()
                    .all(|draft| is_done(&Sha256::of(draft.json.as_bytes())));
            if is_over {
                settings::set(tx, HANDED_OVER, &to_json(summary)?)?;
            }
            Ok(is_over)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_of_a_newer_apps_draft_are_found() {
        let (one, two) = (Sha256::of(b"1"), Sha256::of(b"2"));
        let of_today =
            format!(r#"{{"record":"x","photos":[{{"sha256":"{one}","size":12,"original":"{two}"}}]}}"#);
        let of_tomorrow = format!(
            r#"{{"v":9,"parts":[{{"evidence":{{"sha256":"{one}","size":12}}}},{{"sha256":"short","size":1}},
                [{{"sha256":"{two}","size":34}}]]}}"#
        );
        let found = |json: &str| -> Vec<(Sha256, u64)> {
            photos_of_draft(json)
                .into_iter()
                .map(|photo| (photo.sha256, photo.size))
                .collect()
        };
        assert_eq!(found(&of_today), [(one, 12)]);
        assert_eq!(found(&of_tomorrow), [(one, 12), (two, 34)]);
        assert_eq!(found("no JSON"), []);
    }
}
