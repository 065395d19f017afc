//! Stores the pieces of a body that is a part of an upload: in a folder by appending to the upload's staging file, in
//! another store as objects. The bytes belong to the upload once a row counts them.

use super::{
    examine::{ExaminedPicture, Expected},
    incoming::{BodyEnd, Incoming},
    parts::{Part, StoredBytes},
    reject::start_again,
    target::Target,
    upload::{Upload, UploadContent},
    wire::{Checksum, RunningChecksum},
};
use crate::{
    app::{
        object_files::{ObjectFiles, OpenedStaging, StagingFile, failed},
        object_name::ObjectName,
        objects::ExaminingRoom,
        state::App,
    },
    kernel::failure::Failure,
};
use bytes::Bytes;
use protocol::{ids::UploadId, photo::Sha256, problem::ProblemCode};
use std::io;

/// Bytes of a body that are synced to the disk, or in the object store.
pub(super) struct SpooledBytes {
    pub stored: StoredBytes,
    /// The file to which they were appended. Its lock is held until this is dropped, after the commit.
    pub file: Option<StagingFile>,
    /// Set if these bytes complete a photo that is in one file. A picture has its final name. An error means that the
    /// photo could not be examined or named; its bytes count nevertheless.
    pub examined: Option<Result<ExaminedPicture, Failure>>,
}

impl SpooledBytes {
    /// Call when it is certain that no row counts the bytes, and not if the photo was examined: with its final name it shares
    /// its bytes with the staging file.
    pub async fn undo(self, app: &App) -> Result<(), Failure> {
        if let StoredBytes::New(parts) = &self.stored
            && self.file.is_none()
        {
            for part in parts {
                app.blobs.discard(&part.object).await;
            }
        }
        match self.file {
            Some(file) => undo(file).await,
            None => Ok(()),
        }
    }
}

/// Runs a call that blocks outside the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(call).await;
    done.map_err(Failure::internal)?.map_err(failed)
}

async fn undo(file: StagingFile) -> Result<(), Failure> {
    blocking(move || {
        file.undo();
        Ok(())
    })
    .await
}

/// A checksum that the whole body must have, if the client announced one.
struct Announced<'c> {
    checksum: Option<&'c Checksum>,
    running: Option<RunningChecksum>,
}

impl<'c> Announced<'c> {
    fn of(checksum: Option<&'c Checksum>) -> Self {
        Self {
            checksum,
            running: checksum.map(Checksum::begin),
        }
    }
    fn update(&mut self, bytes: &[u8]) {
        if let Some(running) = &mut self.running {
            running.update(bytes);
        }
    }
    /// `upload.checksum` unless the body ended as announced. Without a checksum, a part of a body counts too.
    fn check(&mut self, end: BodyEnd) -> Result<(), Failure> {
        let (Some(checksum), Some(running)) = (self.checksum, self.running.take()) else {
            return Ok(());
        };
        if end == BodyEnd::Whole && checksum.is(running) {
            Ok(())
        } else {
            Err(Failure::of(ProblemCode::UploadChecksum))
        }
    }
}

/// Stores the rest of a body, which begins at the current offset of the upload, after its first piece. With a checksum,
/// either the whole body is stored or nothing. Returns `None` if there were no bytes.
pub(super) async fn spool(
    app: &App,
    target: &Target,
    incoming: Incoming,
    first: (Bytes, BodyEnd),
) -> Result<Option<SpooledBytes>, Failure> {
    match app.blobs.files() {
        Some(files) => Appending::new(app, files, target).body(incoming, first).await,
        None => put_objects(app, target, incoming, first).await,
    }
}

/// Where the next bytes go.
enum Place {
    /// To the end of the upload's last part; to the beginning of its staging file if it has none.
    After(Option<Part>),
    /// The same, after the bytes were cut away that no row counts.
    AfterCut(StagingFile, Option<Part>),
    /// To the open file; with the part that it holds before, if any.
    Open(StagingFile, Option<Part>),
}

/// A request that appends to the staging file of an upload.
struct Appending<'a> {
    app: &'a App,
    files: &'a ObjectFiles,
    target: &'a Target,
    place: Place,
    /// Bytes of this body that are in the file.
    length: u64,
}

/// The outcome of one blocking call.
enum Written {
    Done(Place, Option<Result<ExaminedPicture, Failure>>),
    Longer(StagingFile, Option<Part>),
    Lost,
}

/// One blocking call: opens the file if necessary, appends, and at the end of the body syncs; then, if the photo is
/// complete, examines it and gives it its name.
struct Piece {
    files: ObjectFiles,
    bytes: Bytes,
    is_last: bool,
    upload: UploadId,
    /// Where the body begins in the upload.
    offset: u64,
    /// The name of a file of its own, if another request appends to the upload.
    own: ObjectName,
    /// Set with the last byte of a photo.
    complete: Option<Complete>,
}

/// What is needed to examine a complete photo.
struct Complete {
    expected: Expected,
    /// The hash of its bytes, if it is known.
    known: Option<Sha256>,
    room: ExaminingRoom,
}

impl Piece {
    fn write(&mut self, place: Place) -> io::Result<Written> {
        let (mut file, part) = match place {
            Place::Open(file, part) => (file, part),
            Place::AfterCut(file, part) => {
                file.cut()?;
                (file, part)
            }
            Place::After(part) => {
                let opened = match part {
                    Some(part) => self.files.open(&part.object, part.size)?,
                    None => self
                        .files
                        .open_first(&ObjectName::Staging { upload: self.upload })?,
                };
                match opened {
                    OpenedStaging::Ready(file) => (file, part),
                    OpenedStaging::Longer(file) => return Ok(Written::Longer(file, part)),
                    OpenedStaging::Taken => (self.files.begin(&self.own)?, None),
                    OpenedStaging::Lost => return Ok(Written::Lost),
                }
            }
        };
        let written = file.append(&self.bytes).and_then(|()| match self.is_last {
            true => file.sync(),
            false => Ok(()),
        });
        if let Err(error) = written {
            file.undo();
            return Err(error);
        }
        let begins = part.map_or(self.offset, |part| part.offset);
        let examined = match self.complete.take() {
            // Else the photo is in several files.
            Some(complete) if begins == 0 => Some(complete.publish(&self.files, &mut file).map_err(failed)),
            _ => None,
        };
        Ok(Written::Done(Place::Open(file, part), examined))
    }
}

impl Complete {
    fn publish(mut self, files: &ObjectFiles, file: &mut StagingFile) -> io::Result<ExaminedPicture> {
        publish(files, file, &self.expected, self.known, &mut self.room)
    }
}

/// Examines a complete staging file that is synced. A picture gets its final name: the file is not written again.
pub(super) fn publish(
    files: &ObjectFiles,
    file: &mut StagingFile,
    expected: &Expected,
    known: Option<Sha256>,
    room: &mut ExaminingRoom,
) -> io::Result<ExaminedPicture> {
    let bytes = &mut room.buffer;
    file.read(expected.length, bytes)?;
    let examined = expected.examine(bytes, known);
    if let ExaminedPicture::Picture(picture) = &examined
        && let Some(name) = expected.object(picture)
    {
        file.publish(files, &name, bytes)?;
    }
    Ok(examined)
}

impl<'a> Appending<'a> {
    fn new(app: &'a App, files: &'a ObjectFiles, target: &'a Target) -> Self {
        Self {
            app,
            files,
            target,
            place: Place::After(target.last),
            length: 0,
        }
    }

    async fn body(
        mut self,
        mut incoming: Incoming,
        first: (Bytes, BodyEnd),
    ) -> Result<Option<SpooledBytes>, Failure> {
        let mut announced = Announced::of(self.target.checksum.as_ref());
        let (mut bytes, mut end) = first;
        loop {
            announced.update(&bytes);
            if end != BodyEnd::More {
                if let Err(refused) = announced.check(end) {
                    return Err(self.give_up(refused).await);
                }
                if self.length == 0 && bytes.is_empty() {
                    return Ok(None);
                }
            }
            let examined = self.piece(bytes.clone(), end, incoming.hash()).await?;
            incoming.give_back(bytes);
            if end != BodyEnd::More {
                return Ok(self.spooled(examined));
            }
            (bytes, end) = match incoming.piece().await {
                Ok(next) => next,
                Err(refused) => return Err(self.give_up(refused).await),
            };
        }
    }

    /// Writes one piece. On failure nothing of the body is left in the file.
    async fn piece(
        &mut self,
        bytes: Bytes,
        end: BodyEnd,
        known: Option<Sha256>,
    ) -> Result<Option<Result<ExaminedPicture, Failure>>, Failure> {
        let upload = &self.target.upload;
        self.length = self.length.saturating_add(bytes.len() as u64);
        let is_last = end != BodyEnd::More;
        let is_photo = matches!(upload.content, UploadContent::Photo { .. });
        let is_complete = is_last && upload.arrived.saturating_add(self.length) == upload.length;
        let complete = match is_complete && is_photo && !self.target.is_held {
            true => Some(Complete {
                expected: Expected::of(self.app, upload),
                known,
                room: self.app.blobs.examining(upload.length).await?,
            }),
            false => None,
        };
        let mut piece = Piece {
            files: self.files.clone(),
            bytes,
            is_last,
            upload: upload.id,
            offset: upload.arrived,
            own: new_part(self.app, upload, upload.arrived),
            complete,
        };
        let mut place = std::mem::replace(&mut self.place, Place::After(None));
        loop {
            let written;
            (piece, written) = blocking(move || {
                let written = piece.write(place)?;
                Ok((piece, written))
            })
            .await?;
            match written {
                Written::Done(open, examined) => {
                    self.place = open;
                    return Ok(examined);
                }
                Written::Longer(file, part) => {
                    self.still_stands(part).await?;
                    place = Place::AfterCut(file, part);
                }
                // The object folder was restored from an older copy than the database.
                Written::Lost => return Err(start_again(self.app, upload).await?),
            }
        }
    }

    /// `upload.offset` if another request has appended to the upload. This request holds the lock of the part's file, so
    /// none can do that from now on.
    async fn still_stands(&self, part: Option<Part>) -> Result<(), Failure> {
        let (owner, id) = (self.target.upload.content.owner(), self.target.upload.id);
        let (now, offset) = (self.app.clock.now(), self.target.upload.arrived);
        let last = self
            .app
            .read(move |tx| {
                Upload::load_at(tx, owner, id, now, offset)?;
                Ok(owner.tables().last_part(tx, id)?)
            })
            .await?;
        if last != part {
            return Err(Failure::of(ProblemCode::UploadOffset));
        }
        Ok(())
    }

    /// Removes what was appended. Returns the failure to answer with.
    async fn give_up(self, refused: Failure) -> Failure {
        match self.place {
            Place::Open(file, _) => match undo(file).await {
                Ok(()) => refused,
                Err(failure) => failure,
            },
            _ => refused,
        }
    }

    fn spooled(self, examined: Option<Result<ExaminedPicture, Failure>>) -> Option<SpooledBytes> {
        let Place::Open(file, part) = self.place else {
            return None;
        };
        let stored = match part {
            Some(part) => StoredBytes::Grown {
                part,
                by: self.length,
            },
            None => StoredBytes::New(vec![Part {
                offset: self.target.upload.arrived,
                size: self.length,
                object: file.name,
            }]),
        };
        Some(SpooledBytes {
            stored,
            file: Some(file),
            examined,
        })
    }
}

/// Puts each piece of a body as an object.
async fn put_objects(
    app: &App,
    target: &Target,
    mut incoming: Incoming,
    first: (Bytes, BodyEnd),
) -> Result<Option<SpooledBytes>, Failure> {
    let mut parts: Vec<Part> = Vec::new();
    let mut offset = target.upload.arrived;
    let mut announced = Announced::of(target.checksum.as_ref());
    let mut piece = first;
    let done = loop {
        let (bytes, end) = piece;
        announced.update(&bytes);
        if !bytes.is_empty() {
            let part = Part {
                offset,
                size: bytes.len() as u64,
                object: new_part(app, &target.upload, offset),
            };
            match app.blobs.put_durable(&part.object, bytes).await {
                Ok(()) => parts.push(part),
                Err(failure) => break Err(failure),
            }
            offset = offset.saturating_add(part.size);
        }
        if end != BodyEnd::More {
            break announced.check(end);
        }
        match incoming.piece().await {
            Ok(next) => piece = next,
            Err(failure) => break Err(failure),
        }
    };
    let is_empty = parts.is_empty();
    let spooled = SpooledBytes {
        stored: StoredBytes::New(parts),
        file: None,
        examined: None,
    };
    match done {
        Ok(()) => Ok((!is_empty).then_some(spooled)),
        Err(refused) => {
            spooled.undo(app).await?;
            Err(refused)
        }
    }
}

/// A new name for a part that begins at `offset`.
fn new_part(app: &App, upload: &Upload, offset: u64) -> ObjectName {
    let [a, b, c, d, e, f, g, h, ..] = app.secret();
    ObjectName::Part {
        upload: upload.id,
        offset,
        nonce: [a, b, c, d, e, f, g, h],
    }
}
