//! Photo uploads. A photo waits for the receipt of its entry, and counts as received only by a receipt with
//! its hash and size.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        retry::{self, Retry},
        sql::{int, parse, uint},
    },
};
use protocol::{field::PhotoReceipt, ids::EntryId, photo::Sha256, time::Millis};
use rusqlite::{OptionalExtension, params};

/// The photo to upload next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoUpload {
    /// The item it belongs to.
    pub item: EntryId,
    /// Position in the entry, from 0.
    pub position: u32,
    /// Hash of the plain bytes.
    pub sha256: Sha256,
    /// Size in bytes.
    pub size: u64,
    /// File name in the photo folder.
    pub file: String,
    /// How far its upload got.
    pub upload: UploadPlace,
    /// Failures so far.
    pub attempts: u32,
}

/// Where the bytes of a photo go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadPlace {
    /// No upload was begun.
    None,
    /// An upload was begun with the first bytes, and its path is not known; or the server has this picture by another
    /// report. It has to be asked.
    Begun,
    /// The path of the tus upload.
    At(String),
}

impl UploadPlace {
    /// The column: NULL, empty, or the path.
    fn of(column: Option<String>, is_held: bool) -> Self {
        match column {
            None if is_held => Self::Begun,
            None => Self::None,
            Some(path) if path.is_empty() => Self::Begun,
            Some(path) => Self::At(path),
        }
    }
    fn column(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Begun => Some(""),
            Self::At(path) => Some(path),
        }
    }
}

impl HandsetStore {
    /// The next photo to upload, by the number of its entry.
    pub(crate) fn next_upload(&self, now: Millis) -> Result<Option<PhotoUpload>> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT p.item, p.position, p.sha256, p.size, p.file, p.upload, p.attempts,
                        EXISTS (SELECT 1 FROM photo o WHERE o.sha256 = p.sha256 AND o.custody = 'received')
                 FROM photo p JOIN item i ON i.id = p.item
                 WHERE p.custody = 'waiting' AND i.custody = 'received'
                   AND (p.not_before <= ?1 OR p.not_before > ?2)
                 ORDER BY i.n, p.position LIMIT 1",
            )?
            .query_row(params![now.0, now.plus(retry::LONGEST_WAIT).0], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get(1)?,
                    row.get::<_, String>(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                    row.get(7)?,
                ))
            })
            .optional()?
            .map(
                |(item, position, sha256, size, file, upload, attempts, is_held)| {
                    Ok(PhotoUpload {
                        item: parse(&item)?,
                        position,
                        sha256: parse(&sha256)?,
                        size: uint(size)?,
                        file,
                        upload: UploadPlace::of(upload, is_held),
                        attempts,
                    })
                },
            )
            .transpose()
        })
    }

    /// Number of photos that only this handset holds, whether their entries were sent or not. Those of an entry that the
    /// server refused and that was revised since are left out: they are history, and the new version names its own.
    pub fn photos_waiting(&self) -> Result<u64> {
        self.read(|c| {
            let sql = "SELECT count(*) FROM photo p WHERE p.custody = 'waiting' AND NOT EXISTS (
                           SELECT 1 FROM item i JOIN item r ON r.supersedes = i.id AND r.cancelled IS NULL
                           WHERE i.id = p.item AND i.refused_json IS NOT NULL)";
            let count: i64 = c.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            uint(count)
        })
    }

    /// Records where the upload is and the confirmed bytes; [`UploadPlace::None`] means that it starts again. No answer of
    /// the server ever changes the local file.
    pub(crate) fn set_upload(&self, photo: &PhotoUpload, place: &UploadPlace, sent: u64) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached(
                "UPDATE photo SET upload = ?3, sent = ?4,
                     attempts = CASE WHEN ?4 > sent THEN 0 ELSE attempts END,
                     problem_json = CASE WHEN ?4 > sent THEN NULL ELSE problem_json END
                 WHERE item = ?1 AND position = ?2 AND custody = 'waiting'",
            )?
            .execute(params![
                photo.item.to_string(),
                photo.position,
                place.column(),
                int(sent)?
            ])?;
            Ok(())
        })
    }

    /// Stores a receipt. It counts for every photo with this hash and size whose entry is received, so a
    /// photo in two reports is sent once. Returns the number of updated rows.
    pub(crate) fn photo_received(&self, receipt: &PhotoReceipt) -> Result<usize> {
        self.write(|tx| {
            Ok(tx
                .prepare_cached(
                    "UPDATE photo SET custody = 'received', received_at = ?3, sent = size,
                         attempts = 0, not_before = 0, asked = 0, problem_json = NULL
                     WHERE sha256 = ?1 AND size = ?2 AND custody = 'waiting'
                       AND EXISTS (SELECT 1 FROM item i WHERE i.id = photo.item AND i.custody = 'received')",
                )?
                .execute(params![
                    receipt.sha256.to_string(),
                    int(receipt.size)?,
                    receipt.received.0
                ])?)
        })
    }

    /// Records a failed try for a photo.
    pub(crate) fn fail_photo(&self, photo: &PhotoUpload, retry: &Retry) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached(
                "UPDATE photo SET attempts = ?3, not_before = ?4, asked = ?5, problem_json = ?6
                 WHERE item = ?1 AND position = ?2",
            )?
            .execute(params![
                photo.item.to_string(),
                photo.position,
                retry.attempts,
                retry.not_before.0,
                retry.asked,
                retry::problem_json(retry)?
            ])?;
            Ok(())
        })
    }
}
