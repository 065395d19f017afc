//! The row of an upload.

use super::{
    held::{HeldPicture, receipt},
    owner::Owner,
    parts::StoredBytes,
    tables::column,
};
use crate::{
    app::{
        ctx::Ctx,
        object_name::{ObjectFolder, ObjectName},
    },
    kernel::failure::Failure,
    params,
    photos::attachments::Attached,
    store::{error::StoreError, tx::Tx, value::Row},
};
use protocol::{
    ids::{PersonId, StreamId, UploadId},
    photo::Sha256,
    problem::ProblemCode,
    time::Millis,
};

/// Unfinished uploads that one photo may have at the same time.
const OPEN_PER_PHOTO: usize = 8;
/// Unfinished uploads that one person may have at the same time.
const OPEN_PER_PERSON: usize = 32;

/// An upload, in progress or finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    pub id: UploadId,
    pub content: UploadContent,
    /// Bytes in total.
    pub length: u64,
    /// Bytes that have arrived: the offset of the next PATCH.
    pub arrived: u64,
    /// `Upload-Metadata` as the client sent it.
    pub metadata: String,
    pub expires: Millis,
    pub finished: Option<Millis>,
}

/// The content that an upload becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UploadContent {
    /// The photo of this hash, which an entry of the stream names.
    Photo { stream: StreamId, sha256: Sha256 },
    /// An attachment of the person. While the upload is unfinished, `sha256` is the hash that the client named, if any;
    /// afterwards it is the hash of the bytes.
    Attachment {
        person: PersonId,
        sha256: Option<Sha256>,
    },
}

impl UploadContent {
    fn of(owner: Owner, row: &Row) -> Result<Self, StoreError> {
        Ok(match owner {
            Owner::Stream(stream) => Self::Photo {
                stream,
                sha256: row.parse("sha256")?,
            },
            Owner::Person(person) => Self::Attachment {
                person,
                sha256: row.parse_opt("sha256")?,
            },
        })
    }
    /// Returns the owner of the upload.
    pub fn owner(self) -> Owner {
        match self {
            Self::Photo { stream, .. } => Owner::Stream(stream),
            Self::Attachment { person, .. } => Owner::Person(person),
        }
    }
    /// The hash that the bytes must have, if one was named.
    pub fn named(self) -> Option<Sha256> {
        match self {
            Self::Photo { sha256, .. } => Some(sha256),
            Self::Attachment { sha256, .. } => sha256,
        }
    }
    /// Checks that an upload of this many bytes may begin, and returns the receipt of a photo that is already held.
    ///
    /// A photo needs an entry in custody that names its hash (`photo.unnamed`) and size (`photo.size`).
    pub fn check(self, tx: &mut Tx<'_>, length: u64) -> Result<Option<HeldPicture>, Failure> {
        let (stream, sha256) = match self {
            Self::Photo { stream, sha256 } => (stream, sha256),
            Self::Attachment { .. } => return Ok(None),
        };
        let sizes: Vec<u64> = tx.all(
            "SELECT DISTINCT size FROM entry_photo WHERE stream = ?1 AND sha256 = ?2",
            params![stream.to_string(), sha256.to_string()],
            |row| row.get("size"),
        )?;
        if sizes.is_empty() {
            return Err(Failure::of(ProblemCode::PhotoUnnamed));
        }
        if !sizes.contains(&length) {
            let detail = format!("{} bytes announced, {sizes:?} named", length);
            return Err(Failure::because(ProblemCode::PhotoSize, detail));
        }
        Ok(receipt(tx, stream, sha256)?.map(HeldPicture::Photo))
    }

    /// The final name of the bytes, whose hash is `sha256`.
    pub fn object(self, sha256: Sha256) -> ObjectName {
        match self {
            Self::Photo { stream, .. } => ObjectName::Photo { stream, sha256 },
            Self::Attachment { .. } => ObjectName::Attachment { sha256 },
        }
    }
}

/// The outcome of [`Upload::register`].
#[derive(Debug, Clone)]
pub(super) struct RegisteredUpload {
    pub upload: Upload,
    /// Set if the photo is already held; the upload is then finished.
    pub held: Option<HeldPicture>,
    /// Older uploads that were removed to make room. The caller deletes their staging objects.
    pub removed: Vec<UploadId>,
}

/// When an upload that was last continued at `now` expires.
pub(super) fn expiry(now: Millis, hours: u32) -> Millis {
    now.plus(i64::from(hours) * 3_600_000)
}

impl Upload {
    /// Returns the receipt for an upload. A photo counts as held also when it arrived by another upload or in a parcel;
    /// an attachment only when this upload is finished.
    pub fn held(&self, tx: &mut Tx<'_>) -> Result<Option<HeldPicture>, StoreError> {
        Ok(match self.content {
            UploadContent::Photo { stream, sha256 } => receipt(tx, stream, sha256)?.map(HeldPicture::Photo),
            UploadContent::Attachment { person, .. } => tx
                .opt(
                    "SELECT a.sha256, a.size, a.width, a.height,
                            a.shown_sha256, a.shown_size, a.shown_width, a.shown_height
                     FROM attachment_upload u
                     JOIN attachment a ON a.sha256 = u.sha256 AND a.person = u.person
                     WHERE u.id = ?1 AND u.person = ?2 AND u.finished IS NOT NULL",
                    params![self.id.to_string(), person.to_string()],
                    Attached::read,
                )?
                .map(HeldPicture::Attachment),
        })
    }

    /// Inserts a checked upload. If its photo is already held, the upload is finished at once.
    pub fn register(mut self, tx: &mut Tx<'_>, now: Millis) -> Result<RegisteredUpload, Failure> {
        let held = self.content.check(tx, self.length)?;
        if held.is_some() {
            self.arrived = self.length;
            self.finished = Some(now);
        }
        let removed = self.make_room(tx)?;
        self.insert(tx, now)?;
        Ok(RegisteredUpload {
            upload: self,
            held,
            removed,
        })
    }

    /// The owner's upload of this id. Errors: `request.not_found`; `upload.gone` for an unfinished upload that has expired.
    pub fn load(tx: &mut Tx<'_>, owner: Owner, id: UploadId, now: Millis) -> Result<Self, Failure> {
        let upload = tx.opt(
            &owner.tables().sql(
                "SELECT sha256, length, arrived, metadata, expires, finished FROM {upload}
                 WHERE id = ?1 AND {owner} = ?2",
            ),
            params![id.to_string(), owner.column()],
            |row| {
                Ok(Self {
                    id,
                    content: UploadContent::of(owner, row)?,
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

    /// The unfinished upload of the same photo that holds most of its bytes; `None` for attachments.
    pub fn begun_before(&self, tx: &mut Tx<'_>, now: Millis) -> Result<Option<Self>, Failure> {
        let UploadContent::Photo { stream, sha256 } = self.content else {
            return Ok(None);
        };
        let found: Option<UploadId> = tx.opt(
            "SELECT id FROM upload
             WHERE stream = ?1 AND sha256 = ?2 AND length = ?3 AND finished IS NULL AND expires > ?4
             ORDER BY arrived DESC, id LIMIT 1",
            params![stream.to_string(), sha256.to_string(), column(self.length), now.0],
            |row| row.parse("id"),
        )?;
        found
            .map(|id| Self::load(tx, Owner::Stream(stream), id, now))
            .transpose()
    }

    /// Inserts the row of an upload that was complete when it began. It counts towards no limit of unfinished ones.
    pub fn insert_finished(&self, tx: &mut Tx<'_>, sha256: Sha256, now: Millis) -> Result<(), StoreError> {
        let content = match self.content {
            photo @ UploadContent::Photo { .. } => photo,
            UploadContent::Attachment { person, .. } => UploadContent::Attachment {
                person,
                sha256: Some(sha256),
            },
        };
        let finished = Self {
            content,
            arrived: self.length,
            finished: Some(now),
            ..self.clone()
        };
        finished.insert(tx, now)
    }

    fn insert(&self, tx: &mut Tx<'_>, now: Millis) -> Result<(), StoreError> {
        match self.content {
            UploadContent::Photo { stream, sha256 } => tx.execute(
                "INSERT INTO upload (id, stream, sha256, length, arrived, metadata, expires, finished, created)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    self.id.to_string(),
                    stream.to_string(),
                    sha256.to_string(),
                    column(self.length),
                    column(self.arrived),
                    &self.metadata,
                    self.expires.0,
                    self.finished.map(|at| at.0),
                    now.0
                ],
            )?,
            UploadContent::Attachment { person, sha256 } => tx.execute(
                "INSERT INTO attachment_upload (id, person, sha256, length, arrived, metadata, expires, finished)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    self.id.to_string(),
                    person.to_string(),
                    sha256.map(|hash| hash.to_string()),
                    column(self.length),
                    column(self.arrived),
                    &self.metadata,
                    self.expires.0,
                    self.finished.map(|at| at.0)
                ],
            )?,
        };
        Ok(())
    }

    /// The owner's unfinished upload, which stands at `offset`; else `upload.offset`. Of two requests for the same offset one
    /// succeeds.
    pub fn load_at(
        tx: &mut Tx<'_>,
        owner: Owner,
        id: UploadId,
        now: Millis,
        offset: u64,
    ) -> Result<Self, Failure> {
        let upload = Self::load(tx, owner, id, now)?;
        if upload.finished.is_some() || upload.arrived != offset {
            return Err(Failure::of(ProblemCode::UploadOffset));
        }
        Ok(upload)
    }

    /// Counts bytes that were stored and returns the upload after them. `upload.offset` if another request came first.
    pub fn append(
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        owner: Owner,
        id: UploadId,
        stored: &StoredBytes,
        hours: u32,
    ) -> Result<Self, Failure> {
        let (from, to) = stored
            .span()
            .ok_or_else(|| Failure::internal("no bytes to count"))?;
        let mut upload = Self::load_at(tx, owner, id, ctx.now, from)?;
        upload.arrived = to;
        upload.expires = expiry(ctx.now, hours);
        let tables = owner.tables();
        // The row first: concurrent transactions have both read it, so the engine makes the second one run again.
        tx.run(
            &tables.sql("UPDATE {upload} SET arrived = ?2, expires = ?3 WHERE id = ?1"),
            params![id.to_string(), column(upload.arrived), upload.expires.0],
        )?;
        tables.count(tx, id, stored)?;
        Ok(upload)
    }

    /// Removes the oldest unfinished uploads of the same photo or person beyond the limit, this one counted, so that a
    /// client which begins uploads and never finishes them cannot fill the disk. Returns the removed ones.
    fn make_room(&self, tx: &mut Tx<'_>) -> Result<Vec<UploadId>, StoreError> {
        let (open, limit): (Vec<UploadId>, usize) = match self.content {
            UploadContent::Photo { stream, sha256 } => {
                let open = tx.all(
                    "SELECT id FROM upload WHERE stream = ?1 AND sha256 = ?2 AND finished IS NULL
                     ORDER BY expires DESC, id DESC",
                    params![stream.to_string(), sha256.to_string()],
                    |row| row.parse("id"),
                )?;
                (open, OPEN_PER_PHOTO)
            }
            UploadContent::Attachment { person, .. } => {
                let open = tx.all(
                    "SELECT id FROM attachment_upload WHERE person = ?1 AND finished IS NULL
                     ORDER BY expires DESC, id DESC",
                    params![person.to_string()],
                    |row| row.parse("id"),
                )?;
                (open, OPEN_PER_PERSON)
            }
        };
        let removed: Vec<UploadId> = open.into_iter().skip(limit - 1).collect();
        for id in &removed {
            self.content.owner().tables().remove(tx, *id)?;
        }
        Ok(removed)
    }

    /// The folder of the staging objects of an upload.
    pub fn folder(id: UploadId) -> ObjectFolder {
        ObjectFolder::Parts { upload: id }
    }
}
