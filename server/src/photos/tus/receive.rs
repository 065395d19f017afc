//! Stores the body of a request as parts of an upload. If the connection breaks, the bytes that arrived are kept: on
//! an unreliable connection that is most of a photo.

use super::{
    finish::{delete_staging, finish_at_once},
    upload::{Part, RegisteredUpload, Upload},
    wire::Checksum,
};
use crate::{
    app::{object_name::ObjectName, right, state::App},
    kernel::failure::Failure,
    store::error::StoreError,
};
use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use protocol::{ids::UploadId, problem::ProblemCode};
use std::time::Duration;

/// A body that sends no byte for this long counts as broken.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of a body that are in memory at a time, and the largest part. Times the number of bodies that may be received
/// at the same time, this is most of the memory that uploads use.
const PIECE: usize = 128 * 1024;
/// An upload of at most this many bytes stays in memory if one body holds all of it; it needs no parts.
const WHOLE: usize = 512 * 1024;

/// The upload that receives a body, and the checksum that the body must have.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub upload: Upload,
    /// False while the upload has no row yet: an upload that arrives complete with its creation is one commit, not two.
    pub is_registered: bool,
    pub checksum: Option<Checksum>,
}

/// Receives a body in a separate task: when the client disconnects, the server drops the future of the request, and
/// the bytes that arrived would be lost with it.
pub(super) async fn receive(app: &App, target: Target, body: Body) -> Result<Upload, Failure> {
    let permit = app.blobs.receive(target.upload.content.owner().sender())?;
    let app = app.clone();
    let task = right::spawn(async move {
        let _permit = permit;
        store(&app, target, body).await
    });
    task.await.map_err(Failure::internal)?
}

/// Inserts the row of an upload.
pub(super) async fn register(app: &App, upload: Upload) -> Result<RegisteredUpload, Failure> {
    let registered = app
        .write(move |tx, ctx| upload.clone().register(tx, ctx.now))
        .await?;
    for id in &registered.removed {
        delete_staging(app, *id).await;
    }
    Ok(registered)
}

async fn store(app: &App, target: Target, body: Body) -> Result<Upload, Failure> {
    let Target {
        mut upload,
        is_registered,
        checksum,
    } = target;
    let room = upload.length.saturating_sub(upload.arrived);
    let mut incoming = Incoming::new(body, room);
    if upload.arrived == 0 && incoming.room <= WHOLE {
        incoming.most = WHOLE;
    }
    let (bytes, end) = incoming.piece().await?;
    if end == BodyEnd::Whole && upload.arrived == 0 && bytes.len() as u64 == room {
        if checksum.as_ref().is_some_and(|sum| !sum.fits(&bytes)) {
            return Err(Failure::of(ProblemCode::UploadChecksum));
        }
        return finish_at_once(app, upload, is_registered, bytes).await;
    }
    if !is_registered {
        upload = register(app, upload).await?.upload;
        if upload.finished.is_some() {
            return Ok(upload);
        }
    }
    let (owner, id) = (upload.content.owner(), upload.id);
    let parts = spool(app, &upload, checksum.as_ref(), incoming, (bytes, end)).await?;
    if parts.is_empty() {
        let now = app.clock.now();
        return app.read(move |tx| Upload::load(tx, owner, id, now)).await;
    }
    let hours = app.settings.upload_hours;
    let objects: Vec<ObjectName> = parts.iter().map(|part| part.object).collect();
    let appended = app
        .write(move |tx, ctx| Upload::append(tx, ctx, owner, id, &parts, hours))
        .await;
    if let Err(failure) = &appended
        && is_rolled_back(failure)
    {
        discard(app, &objects).await;
    }
    appended
}

/// Puts a body piece by piece into the staging folder of the upload, so that a large body is never in memory as a whole.
/// With a checksum, either the whole body is stored or nothing.
async fn spool(
    app: &App,
    upload: &Upload,
    checksum: Option<&Checksum>,
    mut incoming: Incoming,
    mut piece: (Bytes, BodyEnd),
) -> Result<Vec<Part>, Failure> {
    let mut parts: Vec<Part> = Vec::new();
    let mut offset = upload.arrived;
    let mut sum = checksum.map(Checksum::begin);
    let done = loop {
        let (bytes, end) = piece;
        if let Some(sum) = &mut sum {
            sum.update(&bytes);
        }
        if !bytes.is_empty() {
            let length = bytes.len() as u64;
            match put(app, upload.id, offset, bytes).await {
                Ok(part) => parts.push(part),
                Err(failure) => break Err(failure),
            }
            offset += length;
        }
        if end != BodyEnd::More {
            break Ok(end);
        }
        match incoming.piece().await {
            Ok(next) => piece = next,
            Err(failure) => break Err(failure),
        }
    };
    let whole = matches!(done, Ok(BodyEnd::Whole));
    let fits = match (checksum, sum) {
        (Some(checksum), Some(sum)) => whole && checksum.is(sum),
        _ => true,
    };
    let refused = match done {
        Ok(_) if fits => return Ok(parts),
        Ok(_) => Failure::of(ProblemCode::UploadChecksum),
        Err(failure) => failure,
    };
    for part in &parts {
        app.blobs.discard(&part.object).await;
    }
    Err(refused)
}

/// Stores one part durably. It belongs to the upload once a row names it.
async fn put(app: &App, upload: UploadId, offset: u64, bytes: Bytes) -> Result<Part, Failure> {
    let [a, b, c, d, e, f, g, h, ..] = app.secret();
    let part = Part {
        offset,
        size: bytes.len() as u64,
        object: ObjectName::Part {
            upload,
            offset,
            nonce: [a, b, c, d, e, f, g, h],
        },
    };
    app.blobs.put_durable(&part.object, bytes).await?;
    Ok(part)
}

/// Returns whether the write certainly changed nothing. If the outcome of the commit is unknown, rows may name the
/// objects.
fn is_rolled_back(failure: &Failure) -> bool {
    !matches!(failure, Failure::Store(StoreError::CommitUnknown { .. }))
}

/// Deletes only these objects: a concurrent PATCH may be writing others to the same folder.
pub(super) async fn discard(app: &App, objects: &[ObjectName]) {
    for object in objects {
        app.blobs.discard(object).await;
    }
}

/// What follows a piece of a body: more bytes, or its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyEnd {
    /// Another piece.
    More,
    /// Nothing: the body is complete.
    Whole,
    /// Nothing: the connection broke, or no byte came for [`SILENCE`].
    Broken,
}

/// A body that is being received.
struct Incoming {
    body: BodyDataStream,
    /// Bytes that may still arrive.
    room: usize,
    /// The largest piece, in bytes.
    most: usize,
    /// Bytes that arrived and belong to the next piece.
    rest: Bytes,
}

impl Incoming {
    fn new(body: Body, room: u64) -> Self {
        Self {
            body: body.into_data_stream(),
            room: usize::try_from(room).unwrap_or(usize::MAX),
            most: PIECE,
            rest: Bytes::new(),
        }
    }
    /// The next bytes, at most one piece. `photo.size` if more bytes arrive than were announced.
    async fn piece(&mut self) -> Result<(Bytes, BodyEnd), Failure> {
        let mut piece = BytesMut::with_capacity(self.most.min(self.room.saturating_add(self.rest.len())));
        loop {
            let fitting = self.rest.len().min(self.most - piece.len());
            piece.extend_from_slice(&self.rest.split_to(fitting));
            if !self.rest.is_empty() {
                return Ok((piece.freeze(), BodyEnd::More));
            }
            match tokio::time::timeout(SILENCE, self.body.next()).await {
                Ok(Some(Ok(chunk))) => {
                    let more = "more bytes than Upload-Length says";
                    let left = self.room.checked_sub(chunk.len());
                    self.room = left.ok_or_else(|| Failure::because(ProblemCode::PhotoSize, more))?;
                    self.rest = chunk;
                }
                Ok(None) => return Ok((piece.freeze(), BodyEnd::Whole)),
                Ok(Some(Err(_))) | Err(_) => return Ok((piece.freeze(), BodyEnd::Broken)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that arrived, and whether the body is complete.
    async fn collect(body: Body, room: u64) -> Result<(Bytes, bool), Failure> {
        let mut incoming = Incoming::new(body, room);
        let mut all = BytesMut::new();
        loop {
            let (bytes, end) = incoming.piece().await?;
            all.extend_from_slice(&bytes);
            if end != BodyEnd::More {
                return Ok((all.freeze(), end == BodyEnd::Whole));
            }
        }
    }

    fn body(chunks: Vec<Result<&'static str, std::io::Error>>) -> Body {
        Body::from_stream(futures_util::stream::iter(chunks))
    }

    #[tokio::test]
    async fn bytes_that_arrived_before_the_break_are_kept() {
        let broken = || Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        let (bytes, whole) = collect(body(vec![Ok("ab"), Ok("cd"), broken()]), 10)
            .await
            .unwrap();
        assert_eq!((bytes.as_ref(), whole), (b"abcd".as_slice(), false));
        let (bytes, whole) = collect(body(vec![Ok("ab")]), 2).await.unwrap();
        assert_eq!((bytes.as_ref(), whole), (b"ab".as_slice(), true));
    }

    #[tokio::test]
    async fn a_large_body_comes_in_pieces_and_none_of_it_is_lost() {
        let chunk = vec![7; PIECE / 2 + 1];
        let chunks = std::iter::repeat_n(chunk.clone(), 5).map(Ok::<_, std::io::Error>);
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        let mut incoming = Incoming::new(body, 5 * chunk.len() as u64);
        let mut sizes = Vec::new();
        let last = loop {
            let (bytes, end) = incoming.piece().await.unwrap();
            sizes.push(bytes.len());
            if end != BodyEnd::More {
                break end;
            }
        };
        assert_eq!((sizes.len(), last), (3, BodyEnd::Whole));
        assert!(sizes.iter().all(|size| *size <= PIECE));
        assert_eq!(sizes.iter().sum::<usize>(), 5 * chunk.len());
    }

    #[tokio::test]
    async fn more_bytes_than_announced_are_refused() {
        let refused = collect(body(vec![Ok("ab"), Ok("cd")]), 3).await.unwrap_err();
        assert_eq!(refused.code(), Some(ProblemCode::PhotoSize));
    }
}
