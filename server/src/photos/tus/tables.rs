//! The statements on an upload and its parts. Photos and attachments have a pair of tables each, with the same columns
//! for everything that these statements need.

use super::owner::Owner;
use crate::{
    app::object_name::ObjectName,
    params,
    store::{error::StoreError, tx::Tx, value::Row},
};
use protocol::{ids::UploadId, photo::Sha256, time::Millis};

/// Uploads that one sweep handles per table and cause.
const AT_ONCE: i64 = 100;

/// The statements on one pair of tables.
pub(super) struct Tables {
    pub load: &'static str,
    pub advance: &'static str,
    pub insert_part: &'static str,
    owner: fn(&Row) -> Result<Owner, StoreError>,
    restart: &'static str,
    finish: &'static str,
    remove: &'static str,
    expire: &'static str,
    parts: &'static str,
    remove_parts: &'static str,
    complete: &'static str,
    expired: &'static str,
    old: &'static str,
}

macro_rules! tables {
    ($upload:literal, $part:literal, $owner:literal, $of:expr) => {
        Tables {
            load: concat!(
                "SELECT sha256, length, arrived, metadata, expires, finished FROM ",
                $upload,
                " WHERE id = ?1 AND ",
                $owner,
                " = ?2"
            ),
            advance: concat!(
                "UPDATE ",
                $upload,
                " SET arrived = ?2, expires = ?3 WHERE id = ?1"
            ),
            insert_part: concat!(
                "INSERT INTO ",
                $part,
                " (upload, position, size, object) VALUES (?1, ?2, ?3, ?4)"
            ),
            owner: |row| Ok($of(row.parse("owner")?)),
            restart: concat!("UPDATE ", $upload, " SET arrived = 0 WHERE id = ?1"),
            finish: concat!(
                "UPDATE ",
                $upload,
                " SET finished = ?2, sha256 = ?3, arrived = length",
                " WHERE id = ?1 AND finished IS NULL"
            ),
            remove: concat!("DELETE FROM ", $upload, " WHERE id = ?1"),
            expire: concat!(
                "UPDATE ",
                $upload,
                " SET arrived = 0 WHERE id = ?1 AND finished IS NULL AND expires <= ?2"
            ),
            parts: concat!(
                "SELECT object FROM ",
                $part,
                " WHERE upload = ?1 ORDER BY position"
            ),
            remove_parts: concat!("DELETE FROM ", $part, " WHERE upload = ?1"),
            complete: concat!(
                "SELECT id, ",
                $owner,
                " AS owner FROM ",
                $upload,
                " WHERE finished IS NULL AND arrived = length AND expires > ?1 ORDER BY expires, id LIMIT ?2"
            ),
            expired: concat!(
                "SELECT DISTINCT u.id, u.",
                $owner,
                " AS owner FROM ",
                $upload,
                " u JOIN ",
                $part,
                " p ON p.upload = u.id WHERE u.finished IS NULL AND u.expires <= ?1 ORDER BY u.id LIMIT ?2"
            ),
            old: concat!(
                "SELECT id, ",
                $owner,
                " AS owner FROM ",
                $upload,
                " WHERE expires <= ?1 ORDER BY expires, id LIMIT ?2"
            ),
        }
    };
}

/// Uploads of photos.
pub(super) static PHOTOS: Tables = tables!("upload", "upload_part", "stream", Owner::Stream);
/// Uploads of attachments.
pub(super) static ATTACHMENTS: Tables =
    tables!("attachment_upload", "attachment_part", "person", Owner::Person);

impl Tables {
    /// The objects of the parts, in order.
    pub fn parts(&self, tx: &mut Tx<'_>, id: UploadId) -> Result<Vec<ObjectName>, StoreError> {
        tx.all(self.parts, params![id.to_string()], |row| row.parse("object"))
    }

    fn remove_parts(&self, tx: &mut Tx<'_>, id: UploadId) -> Result<(), StoreError> {
        tx.execute(self.remove_parts, params![id.to_string()])?;
        Ok(())
    }

    /// Marks the upload as finished: its bytes are held under `sha256`. Removes the rows of its parts.
    pub fn finish(
        &self,
        tx: &mut Tx<'_>,
        id: UploadId,
        sha256: Sha256,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.remove_parts(tx, id)?;
        tx.execute(self.finish, params![id.to_string(), now.0, sha256.to_string()])?;
        Ok(())
    }

    /// Sets the upload back to offset 0. Removes the rows of its parts.
    pub fn restart(&self, tx: &mut Tx<'_>, id: UploadId) -> Result<(), StoreError> {
        self.remove_parts(tx, id)?;
        tx.execute(self.restart, params![id.to_string()])?;
        Ok(())
    }

    /// Removes the upload and the rows of its parts.
    pub fn remove(&self, tx: &mut Tx<'_>, id: UploadId) -> Result<(), StoreError> {
        self.remove_parts(tx, id)?;
        tx.execute(self.remove, params![id.to_string()])?;
        Ok(())
    }

    /// Sets an upload that is unfinished and expired at `now` back to offset 0 and returns the objects of its parts, which
    /// the caller may delete.
    ///
    /// Checks the expiry again: since the sweep listed the upload, a PATCH that arrived in time may have been written and
    /// may have moved the expiry. A PATCH that is written after this call is refused, because its offset is not 0.
    pub fn drop_expired(
        &self,
        tx: &mut Tx<'_>,
        id: UploadId,
        now: Millis,
    ) -> Result<Vec<ObjectName>, StoreError> {
        if tx.execute(self.expire, params![id.to_string(), now.0])? == 0 {
            return Ok(Vec::new());
        }
        let objects = self.parts(tx, id)?;
        self.remove_parts(tx, id)?;
        Ok(objects)
    }

    /// Unfinished uploads whose last byte has arrived and which are not expired at `now`.
    pub fn complete(&self, tx: &mut Tx<'_>, now: Millis) -> Result<Vec<(UploadId, Owner)>, StoreError> {
        self.list(tx, self.complete, now)
    }

    /// Unfinished uploads that are expired at `now` and still have parts.
    pub fn expired(&self, tx: &mut Tx<'_>, now: Millis) -> Result<Vec<(UploadId, Owner)>, StoreError> {
        self.list(tx, self.expired, now)
    }

    /// Uploads, finished or not, whose expiry is at or before `until`.
    pub fn old(&self, tx: &mut Tx<'_>, until: Millis) -> Result<Vec<(UploadId, Owner)>, StoreError> {
        self.list(tx, self.old, until)
    }

    fn list(
        &self,
        tx: &mut Tx<'_>,
        statement: &str,
        at: Millis,
    ) -> Result<Vec<(UploadId, Owner)>, StoreError> {
        tx.all(statement, params![at.0, AT_ONCE], |row| {
            Ok((row.parse("id")?, (self.owner)(row)?))
        })
    }
}
