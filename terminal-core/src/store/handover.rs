//! What only this handset holds, for when it has to be handed over sealed; and the moment when nothing is left.

use super::{Draft, Store, account, from_json, parse, to_json, uint};
use crate::{Error, Result};
use protocol::{
    entry::{Reason, Receipt},
    field::PhotoReceipt,
    ids::EntryId,
    photo::Sha256,
    problem::HandsetCode,
    push::StreamMark,
    sabotage::{self, Defect},
    time::Millis,
};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

const HANDED_OVER: &str = "handed_over";

/// Everything that the server has given no receipt for.
#[derive(Debug, Clone, Default)]
pub struct Pending {
    /// In the order of their numbers; those that the server refused among them.
    pub entries: Vec<PendingEntry>,
    pub drafts: Vec<Draft>,
    /// Of entries and of drafts, each content once.
    pub photos: Vec<PendingPhoto>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEntry {
    pub id: EntryId,
    pub sha256: Sha256,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingPhoto {
    pub sha256: Sha256,
    pub size: u64,
    /// Name in the photo folder.
    pub file: String,
}

/// What was handed over before a handset forgot it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// Why: `stream.revoked`, `terminal.wipe`.
    pub code: String,
    pub entries: u64,
    pub drafts: u64,
    pub photos: u64,
    /// Photos whose file was missing or damaged; the server knows which.
    pub photos_missing: u64,
    /// By the handset's wall clock.
    pub at: Millis,
}

impl HandedOver {
    /// For whoever opens the handset from then on.
    pub fn reason(&self) -> Reason {
        let Self {
            entries,
            drafts,
            photos,
            photos_missing,
            ..
        } = self;
        let (mut zh, mut en) = (
            format!(
                "本终端已停用：{entries} 条内容、{photos} 张照片、{drafts} 份草稿已封存交接给中心，本机数据已清除"
            ),
            format!(
                "this terminal has ended: {entries} entries, {photos} photos and {drafts} drafts were handed over \
                 sealed, its data was removed"
            ),
        );
        if *photos_missing > 0 {
            zh.push_str(&format!("；{photos_missing} 张照片文件损坏，未能交接"));
            en.push_str(&format!("; {photos_missing} photos could not be read"));
        }
        Reason::new(HandsetCode::HandedOver, zh, en)
    }
}

/// The photos that a draft names, wherever in it: also one of a newer app, whose form nobody here knows.
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
                        file: crate::photos::PhotoFolder::file_name(sha256),
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
    if sabotage::is(Defect::HandoverLeavesOut) {
        entries.pop();
    }
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

fn drafts(connection: &Connection) -> Result<Vec<Draft>> {
    let mut statement = connection.prepare_cached("SELECT id, kind, json, updated FROM draft ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut drafts = Vec::new();
    while let Some(row) = rows.next()? {
        drafts.push(Draft {
            id: parse(&row.get::<_, String>(0)?)?,
            kind: row.get(1)?,
            json: row.get(2)?,
            updated: Millis(row.get(3)?),
        });
    }
    Ok(drafts)
}

fn pending(connection: &Connection) -> Result<Pending> {
    let drafts = drafts(connection)?;
    let mut photos = photos(connection)?;
    photos.extend(drafts.iter().flat_map(|draft| photos_of_draft(&draft.json)));
    let mut seen = BTreeSet::new();
    photos.retain(|photo| seen.insert(photo.sha256));
    Ok(Pending {
        entries: entries(connection)?,
        drafts,
        photos,
    })
}

/// Nothing new may begin on a handset that has handed everything over.
pub(super) fn refuse_if_done(connection: &Connection) -> Result<()> {
    match account::get(connection, HANDED_OVER)? {
        Some(text) => Err(Error::Input(from_json::<HandedOver>(&text)?.reason())),
        None => Ok(()),
    }
}

impl Store {
    /// Everything that only this handset holds.
    pub fn pending(&self) -> Result<Pending> {
        self.read(pending)
    }
    /// These entries may leave the handset from now on: cancelling one is a withdrawal.
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
    /// Takes over what the answer to a parcel says. Entries first: a photo counts once its entry is received.
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
    /// Ends this store, if nothing is left that the server does not hold, `done` being the hashes of what it keeps in
    /// another form. From then on nothing new is taken. `false`: something came in between.
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
                account::set(tx, HANDED_OVER, &to_json(summary)?)?;
            }
            Ok(is_over)
        })
    }
    /// What was handed over, once everything was.
    pub fn handed_over(&self) -> Result<Option<HandedOver>> {
        self.read(|c| {
            account::get(c, HANDED_OVER)?
                .map(|text| from_json(&text))
                .transpose()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_photos_of_a_newer_apps_draft_are_handed_over_as_well() {
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
