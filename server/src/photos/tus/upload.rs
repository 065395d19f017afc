//! An upload's rows.

use crate::{
    app::ctx::Ctx,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    field::PhotoReceipt,
    ids::{StreamId, UploadId},
    photo::Sha256,
    problem::ProblemCode,
    time::Millis,
};

/// Unfinished uploads of one photo that stand side by side.
const BESIDE: usize = 8;

/// An upload in progress, or finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    pub id: UploadId,
    pub stream: StreamId,
    pub sha256: Sha256,
    pub length: u64,
    pub arrived: u64,
    /// `Upload-Metadata` as it was given.
    pub metadata: String,
    pub expires: Millis,
    pub finished: Option<Millis>,
}

/// A size or offset as a column; sizes were checked against the limit, far below.
pub(super) fn column(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// What became of an announcement.
#[derive(Debug, Clone)]
pub(super) struct Entered {
    pub upload: Upload,
    /// The photo is held already.
    pub held: Option<PhotoReceipt>,
    /// Older uploads that made room, whose staging objects may go.
    pub given_up: Vec<UploadId>,
}

impl Upload {
    /// Whether an entry in custody names a photo of this hash and size (`photo.unnamed`, `photo.size`); and its receipt,
    /// once it is held.
    pub fn check(&self, tx: &mut Tx<'_>) -> Result<Option<PhotoReceipt>, Failure> {
        let sizes: Vec<u64> = tx.all(
            "SELECT DISTINCT size FROM entry_photo WHERE stream = ?1 AND sha256 = ?2",
            params![self.stream.to_string(), self.sha256.to_string()],
            |row| row.get("size"),
        )?;
        if sizes.is_empty() {
            return Err(Failure::of(ProblemCode::PhotoUnnamed));
        }
        if !sizes.contains(&self.length) {
            let detail = format!("{} bytes announced, {sizes:?} named", self.length);
            return Err(Failure::because(ProblemCode::PhotoSize, detail));
        }
        Ok(receipt(tx, self.stream, self.sha256)?)
    }

    /// Enters an announced upload; it is complete at once when the photo is held.
    pub fn enter(mut self, tx: &mut Tx<'_>, now: Millis) -> Result<Entered, Failure> {
        let held = self.check(tx)?;
        if held.is_some() {
            self.arrived = self.length;
            self.finished = Some(now);
        }
        let given_up = Self::give_up_oldest(tx, self.stream, self.sha256)?;
        self.insert(tx, now)?;
        Ok(Entered {
            upload: self,
            held,
            given_up,
        })
    }

    /// The stream's upload of this id: `request.not_found`, or `upload.gone` when nobody went on with it in time.
    pub fn load(tx: &mut Tx<'_>, stream: StreamId, id: UploadId, now: Millis) -> Result<Self, Failure> {
        let upload = tx.opt(
            "SELECT sha256, length, arrived, metadata, expires, finished FROM upload
             WHERE id = ?1 AND stream = ?2",
            params![id.to_string(), stream.to_string()],
            |row| {
                Ok(Self {
                    id,
                    stream,
                    sha256: row.parse("sha256")?,
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

    fn insert(&self, tx: &mut Tx<'_>, now: Millis) -> Result<(), StoreError> {
        tx.execute(
            "INSERT INTO upload (id, stream, sha256, length, arrived, metadata, created, expires, finished)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                self.id.to_string(),
                self.stream.to_string(),
                self.sha256.to_string(),
                column(self.length),
                column(self.arrived),
                &self.metadata,
                now.0,
                self.expires.0,
                self.finished.map(|at| at.0)
            ],
        )?;
        Ok(())
    }

    /// Counts a part in, if the upload still stands where the part begins: of two at once one wins.
    pub fn append(
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        stream: StreamId,
        id: UploadId,
        part: &Part,
        hours: u32,
    ) -> Result<Self, Failure> {
        let mut upload = Self::load(tx, stream, id, ctx.now)?;
        if upload.finished.is_some() || upload.arrived != part.offset {
            return Err(Failure::of(ProblemCode::UploadOffset));
        }
        upload.arrived = part.offset.saturating_add(part.size);
        upload.expires = expiry(ctx.now, hours);
        // First the row that both of two at once have read: the engine tells the second to look again.
        tx.execute(
            "UPDATE upload SET arrived = ?2, expires = ?3 WHERE id = ?1",
            params![id.to_string(), column(upload.arrived), upload.expires.0],
        )?;
        tx.execute(
            "INSERT INTO upload_part (upload, position, size, object) VALUES (?1, ?2, ?3, ?4)",
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
            "SELECT object FROM upload_part WHERE upload = ?1 ORDER BY position",
            params![id.to_string()],
            |row| row.get("object"),
        )
    }

    pub fn forget_parts(tx: &mut Tx<'_>, id: UploadId) -> Result<(), StoreError> {
        tx.execute(
            "DELETE FROM upload_part WHERE upload = ?1",
            params![id.to_string()],
        )?;
        Ok(())
    }

    /// Drops the parts of an upload if, at `now`, nobody went on with it in time, and answers their objects, which may go.
    ///
    /// Asked again here: since the upload was listed a part may have been counted in that had come in time and waited
    /// for its turn to be written. One that waits still does not fit any more, the upload stands at nothing.
    pub fn drop_expired(tx: &mut Tx<'_>, id: UploadId, now: Millis) -> Result<Vec<String>, StoreError> {
        let dropped = tx.execute(
            "UPDATE upload SET arrived = 0 WHERE id = ?1 AND finished IS NULL AND expires <= ?2",
            params![id.to_string(), now.0],
        )?;
        if dropped == 0 {
            return Ok(Vec::new());
        }
        let objects = Self::parts(tx, id)?;
        Self::forget_parts(tx, id)?;
        Ok(objects)
    }

    /// Makes room for one more upload of a photo: a handset that never goes on with what it began fills the disk
    /// with no more than [`BESIDE`] copies. Answers the uploads given up, whose staging objects may go.
    fn give_up_oldest(
        tx: &mut Tx<'_>,
        stream: StreamId,
        sha256: Sha256,
    ) -> Result<Vec<UploadId>, StoreError> {
        let open: Vec<UploadId> = tx.all(
            "SELECT id FROM upload WHERE stream = ?1 AND sha256 = ?2 AND finished IS NULL
             ORDER BY expires DESC, id DESC",
            params![stream.to_string(), sha256.to_string()],
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
        Self::forget_parts(tx, id)?;
        tx.execute("DELETE FROM upload WHERE id = ?1", params![id.to_string()])?;
        Ok(())
    }

    /// The folder of its staging objects.
    pub fn folder(id: UploadId) -> String {
        format!("staging/{id}")
    }
}

/// Bytes of an upload that arrived in one piece.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub offset: u64,
    pub size: u64,
    pub object: String,
}

/// Until when an upload waits to be gone on with.
pub(super) fn expiry(now: Millis, hours: u32) -> Millis {
    now.plus(i64::from(hours) * 3_600_000)
}

/// The receipt for a photo of the stream, once it is held.
pub(super) fn receipt(
    tx: &mut Tx<'_>,
    stream: StreamId,
    sha256: Sha256,
) -> Result<Option<PhotoReceipt>, StoreError> {
    tx.opt(
        "SELECT size, received FROM photo WHERE stream = ?1 AND sha256 = ?2 AND received IS NOT NULL",
        params![stream.to_string(), sha256.to_string()],
        |row| {
            Ok(PhotoReceipt {
                sha256,
                size: row.get("size")?,
                received: Millis(row.get("received")?),
            })
        },
    )
}
