//! The statements on an upload and its parts that need no more than its id. Photos and attachments have a pair of tables
//! each, with the same columns for everything that these statements need.

use super::{
    owner::{Owner, Tables},
    parts::{Part, StoredBytes},
};
use crate::{
    app::object_name::ObjectName,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx, value::Row},
};
use protocol::{ids::UploadId, photo::Sha256, problem::ProblemCode, time::Millis};

/// An upload's parts.
const PARTS: &str = "SELECT position, size, object FROM {part} WHERE upload = ?1 ORDER BY position";

/// A size or an offset as a column. Lengths are limited by the settings, far below the maximum of `i64`.
pub(super) fn column(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn part(row: &Row) -> Result<Part, StoreError> {
    Ok(Part {
        offset: row.get("position")?,
        size: row.get("size")?,
        object: row.parse("object")?,
    })
}

/// Returns `None` for a row that cannot be decoded, and logs its column, never its content. Such a row exists only
/// after somebody changed the database by hand; it must not stop the sweep for all other uploads.
fn readable<T>(decoded: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match decoded {
        Err(StoreError::Decode { column, expected, .. }) => {
            tracing::error!(
                column,
                expected,
                "a row of an upload cannot be decoded and is skipped"
            );
            Ok(None)
        }
        decoded => decoded.map(Some),
    }
}

/// Uploads that one sweep handles per pair of tables and cause.
const AT_ONCE: i64 = 100;

impl Tables {
    fn run(self, tx: &mut Tx<'_>, statement: &str, id: UploadId) -> Result<(), StoreError> {
        tx.run(&self.sql(statement), params![id.to_string()])?;
        Ok(())
    }

    /// The parts, in order.
    pub fn parts(self, tx: &mut Tx<'_>, id: UploadId) -> Result<Vec<Part>, StoreError> {
        tx.all(&self.sql(PARTS), params![id.to_string()], part)
    }

    /// The last part.
    pub fn last_part(self, tx: &mut Tx<'_>, id: UploadId) -> Result<Option<Part>, StoreError> {
        let last = self.sql(
            "SELECT position, size, object FROM {part} WHERE upload = ?1 ORDER BY position DESC LIMIT 1",
        );
        tx.opt(&last, params![id.to_string()], part)
    }

    /// Writes the rows of bytes that were stored. `upload.offset` if the part that they were appended to has changed.
    pub fn count(self, tx: &mut Tx<'_>, id: UploadId, stored: &StoredBytes) -> Result<(), Failure> {
        match stored {
            StoredBytes::New(parts) => {
                let insert =
                    self.sql("INSERT INTO {part} (upload, position, size, object) VALUES (?1, ?2, ?3, ?4)");
                for part in parts {
                    let object = part.object.to_string();
                    tx.run(
                        &insert,
                        params![id.to_string(), column(part.offset), column(part.size), object],
                    )?;
                }
            }
            StoredBytes::Grown { part, by } => {
                let grow = self.sql(
                    "UPDATE {part} SET size = ?5
                     WHERE upload = ?1 AND position = ?2 AND size = ?3 AND object = ?4",
                );
                let (at, size, object) = (column(part.offset), column(part.size), part.object.to_string());
                let grown = column(part.size.saturating_add(*by));
                let grown = tx.execute(&grow, params![id.to_string(), at, size, object, grown])?;
                if grown == 0 {
                    return Err(Failure::of(ProblemCode::UploadOffset));
                }
            }
        }
        Ok(())
    }

    /// The objects of the parts whose names can be decoded.
    fn readable_parts(self, tx: &mut Tx<'_>, id: UploadId) -> Result<Vec<ObjectName>, StoreError> {
        let parts = tx.all(&self.sql(PARTS), params![id.to_string()], |row| {
            readable(row.parse("object"))
        })?;
        Ok(parts.into_iter().flatten().collect())
    }

    fn remove_parts(self, tx: &mut Tx<'_>, id: UploadId) -> Result<(), StoreError> {
        self.run(tx, "DELETE FROM {part} WHERE upload = ?1", id)
    }

    /// Marks the upload as finished: its bytes are held under `sha256`. Removes the rows of its parts.
    pub fn finish(
        self,
        tx: &mut Tx<'_>,
        id: UploadId,
        sha256: Sha256,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.remove_parts(tx, id)?;
        tx.run(
            &self.sql(
                "UPDATE {upload} SET finished = ?2, sha256 = ?3, arrived = length
                 WHERE id = ?1 AND finished IS NULL",
            ),
            params![id.to_string(), now.0, sha256.to_string()],
        )?;
        Ok(())
    }

    /// Sets the upload back to offset 0. Removes the rows of its parts.
    pub fn restart(self, tx: &mut Tx<'_>, id: UploadId) -> Result<(), StoreError> {
        self.remove_parts(tx, id)?;
        self.run(tx, "UPDATE {upload} SET arrived = 0 WHERE id = ?1", id)
    }

    /// Removes the upload and the rows of its parts.
    pub fn remove(self, tx: &mut Tx<'_>, id: UploadId) -> Result<(), StoreError> {
        self.remove_parts(tx, id)?;
        self.run(tx, "DELETE FROM {upload} WHERE id = ?1", id)
    }

    /// Sets an upload that is unfinished and expired at `now` back to offset 0 and returns the objects of its parts, which
    /// the caller may delete. The object of a part whose name cannot be decoded remains until the upload is removed.
    ///
    /// Checks the expiry again: since the sweep listed the upload, a PATCH that arrived in time may have been written and
    /// may have moved the expiry. A PATCH that is written after this call is refused, because its offset is not 0.
    pub fn drop_expired(
        self,
        tx: &mut Tx<'_>,
        id: UploadId,
        now: Millis,
    ) -> Result<Vec<ObjectName>, StoreError> {
        let dropped = tx.execute(
            &self.sql("UPDATE {upload} SET arrived = 0 WHERE id = ?1 AND finished IS NULL AND expires <= ?2"),
            params![id.to_string(), now.0],
        )?;
        if dropped == 0 {
            return Ok(Vec::new());
        }
        let objects = self.readable_parts(tx, id)?;
        self.remove_parts(tx, id)?;
        Ok(objects)
    }

    /// Unfinished uploads whose last byte has arrived and which are not expired at `now`.
    pub fn complete(self, tx: &mut Tx<'_>, now: Millis) -> Result<Vec<(UploadId, Owner)>, StoreError> {
        self.list(
            tx,
            "SELECT id, {owner} AS owner FROM {upload}
             WHERE finished IS NULL AND arrived = length AND expires > ?1 ORDER BY expires, id LIMIT ?2",
            now,
        )
    }

    /// Unfinished uploads that are expired at `now` and still have parts.
    pub fn expired(self, tx: &mut Tx<'_>, now: Millis) -> Result<Vec<(UploadId, Owner)>, StoreError> {
        self.list(
            tx,
            "SELECT u.id, u.{owner} AS owner FROM {upload} u WHERE u.finished IS NULL AND u.expires <= ?1
             AND EXISTS (SELECT 1 FROM {part} p WHERE p.upload = u.id) ORDER BY u.expires, u.id LIMIT ?2",
            now,
        )
    }

    /// Uploads, finished or not, whose expiry is at or before `until`.
    pub fn old(self, tx: &mut Tx<'_>, until: Millis) -> Result<Vec<(UploadId, Owner)>, StoreError> {
        self.list(
            tx,
            "SELECT id, {owner} AS owner FROM {upload} WHERE expires <= ?1 ORDER BY expires, id LIMIT ?2",
            until,
        )
    }

    fn list(
        self,
        tx: &mut Tx<'_>,
        statement: &str,
        at: Millis,
    ) -> Result<Vec<(UploadId, Owner)>, StoreError> {
        let read = |row: &Row| {
            let owner = match self {
                Self::Photos => Owner::Stream(row.parse("owner")?),
                Self::Attachments => Owner::Person(row.parse("owner")?),
            };
            Ok((row.parse("id")?, owner))
        };
        let uploads = tx.all(&self.sql(statement), params![at.0, AT_ONCE], |row| {
            readable(read(row))
        })?;
        Ok(uploads.into_iter().flatten().collect())
    }
}
