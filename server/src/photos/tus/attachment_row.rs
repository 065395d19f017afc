//! Rows of an attachment's upload: as those of a photo (`upload`), but they belong to a person, and no entry named the
//! bytes before.

use super::upload::{Part, column, expiry};
use crate::{
    app::ctx::Ctx,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    ids::{PersonId, UploadId},
    photo::Sha256,
    problem::ProblemCode,
    time::Millis,
};

/// Unfinished uploads of one person that stand side by side.
const BESIDE: usize = 32;

/// An attachment on its way, or arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttachmentUpload {
    pub id: UploadId,
    pub person: PersonId,
    /// What the client said the bytes are; once finished, what they are.
    pub sha256: Option<Sha256>,
    pub length: u64,
    pub arrived: u64,
    /// `Upload-Metadata` as it was given.
    pub metadata: String,
    pub expires: Millis,
    pub finished: Option<Millis>,
}

impl AttachmentUpload {
    /// The person's upload of this id: `request.not_found`, or `upload.gone` when nobody went on with it in time.
    pub fn load(tx: &mut Tx<'_>, person: PersonId, id: UploadId, now: Millis) -> Result<Self, Failure> {
        let upload = tx.opt(
            "SELECT sha256, length, arrived, metadata, expires, finished FROM attachment_upload
             WHERE id = ?1 AND person = ?2",
            params![id.to_string(), person.to_string()],
            |row| {
                let sha256: Option<String> = row.get("sha256")?;
                Ok(Self {
                    id,
                    person,
                    sha256: sha256.and_then(|text| text.parse().ok()),
                    length: row.get("length")?,
                    arrived: row.get("arrived")?,
                    metadata: row.get("metadata")?,
                    expires: Millis(row.get("expires")?),
                    finished: row.get::<Option<i64>>("finished")?.map(Millis),
                })
            },
        )?;
        let upload = upload.ok_or_else(|| Failure::of(ProblemCode::NotFound))?;
        if upload.finished.is_none() && upload.expires <= now {
            return Err(Failure::of(ProblemCode::UploadGone));
        }
        Ok(upload)
    }

    pub fn insert(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.execute(
            "INSERT INTO attachment_upload (id, person, sha256, length, arrived, metadata, expires)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                self.id.to_string(),
                self.person.to_string(),
                self.sha256.map(|hash| hash.to_string()),
                column(self.length),
                column(self.arrived),
                &self.metadata,
                self.expires.0
            ],
        )?;
        Ok(())
    }

    /// Counts a part in, if the upload still stands where the part begins: of two at once one wins.
    pub fn append(
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        person: PersonId,
        id: UploadId,
        part: &Part,
        hours: u32,
    ) -> Result<Self, Failure> {
        let mut upload = Self::load(tx, person, id, ctx.now)?;
        if upload.finished.is_some() || upload.arrived != part.offset {
            return Err(Failure::of(ProblemCode::UploadOffset));
        }
        upload.arrived = part.offset.saturating_add(part.size);
        upload.expires = expiry(ctx.now, hours);
        tx.execute(
            "UPDATE attachment_upload SET arrived = ?2, expires = ?3 WHERE id = ?1",
            params![id.to_string(), column(upload.arrived), upload.expires.0],
        )?;
        tx.execute(
            "INSERT INTO attachment_part (upload, position, size, object) VALUES (?1, ?2, ?3, ?4)",
            params![
                id.to_string(),
                column(part.offset),
                column(part.size),
                &part.object
            ],
        )?;
        Ok(upload)
    }

    /// The parts' objects in order.
    pub fn parts(tx: &mut Tx<'_>, id: UploadId) -> Result<Vec<String>, StoreError> {
        tx.all(
            "SELECT object FROM attachment_part WHERE upload = ?1 ORDER BY position",
            params![id.to_string()],
            |row| row.get("object"),
        )
    }

    /// All bytes have come and are kept under this hash.
    pub fn finish(tx: &mut Tx<'_>, id: UploadId, sha256: Sha256, now: Millis) -> Result<(), StoreError> {
        forget_parts(tx, id)?;
        tx.execute(
            "UPDATE attachment_upload SET finished = ?2, sha256 = ?3, arrived = length
             WHERE id = ?1 AND finished IS NULL",
            params![id.to_string(), now.0, sha256.to_string()],
        )?;
        Ok(())
    }

    /// The bytes are not what was named: everything is sent again.
    pub fn start_again(tx: &mut Tx<'_>, id: UploadId) -> Result<(), StoreError> {
        forget_parts(tx, id)?;
        tx.execute(
            "UPDATE attachment_upload SET arrived = 0 WHERE id = ?1 AND finished IS NULL",
            params![id.to_string()],
        )?;
        Ok(())
    }

    /// Makes room for one more upload: whoever begins and never goes on fills the disk with no more than [`BESIDE`].
    /// Answers those given up, whose staging objects may go.
    pub fn give_up_oldest(tx: &mut Tx<'_>, person: PersonId) -> Result<Vec<UploadId>, StoreError> {
        let open: Vec<UploadId> = tx.all(
            "SELECT id FROM attachment_upload WHERE person = ?1 AND finished IS NULL
             ORDER BY expires DESC, id DESC",
            params![person.to_string()],
            |row| row.parse("id"),
        )?;
        let given_up: Vec<UploadId> = open.into_iter().skip(BESIDE - 1).collect();
        for id in &given_up {
            Self::remove(tx, *id)?;
        }
        Ok(given_up)
    }

    /// The upload is gone, as if it had never been.
    pub fn remove(tx: &mut Tx<'_>, id: UploadId) -> Result<(), StoreError> {
        forget_parts(tx, id)?;
        tx.execute(
            "DELETE FROM attachment_upload WHERE id = ?1",
            params![id.to_string()],
        )?;
        Ok(())
    }

    /// Uploads that ended, one way or the other, before `until`.
    pub fn over(tx: &mut Tx<'_>, until: Millis, most: i64) -> Result<Vec<UploadId>, StoreError> {
        tx.all(
            "SELECT id FROM attachment_upload WHERE expires <= ?1 ORDER BY expires, id LIMIT ?2",
            params![until.0, most],
            |row| row.parse("id"),
        )
    }

    /// Uploads that expired at `now` and still hold parts.
    pub fn expired(tx: &mut Tx<'_>, now: Millis, most: i64) -> Result<Vec<UploadId>, StoreError> {
        tx.all(
            "SELECT DISTINCT u.id FROM attachment_upload u JOIN attachment_part p ON p.upload = u.id
             WHERE u.finished IS NULL AND u.expires <= ?1 ORDER BY u.id LIMIT ?2",
            params![now.0, most],
            |row| row.parse("id"),
        )
    }

    /// Drops the parts of an upload that is still expired at `now`, as for a photo's, and answers their objects.
    pub fn drop_expired(tx: &mut Tx<'_>, id: UploadId, now: Millis) -> Result<Vec<String>, StoreError> {
        let dropped = tx.execute(
            "UPDATE attachment_upload SET arrived = 0 WHERE id = ?1 AND finished IS NULL AND expires <= ?2",
            params![id.to_string(), now.0],
        )?;
        if dropped == 0 {
            return Ok(Vec::new());
        }
        let objects = Self::parts(tx, id)?;
        forget_parts(tx, id)?;
        Ok(objects)
    }
}

fn forget_parts(tx: &mut Tx<'_>, id: UploadId) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM attachment_part WHERE upload = ?1",
        params![id.to_string()],
    )?;
    Ok(())
}
