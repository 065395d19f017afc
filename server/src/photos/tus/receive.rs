//! A body becomes a part of an upload. What had arrived when the connection broke is kept: in the cellars this
//! product works in, that is most of a photo.

use super::{
    finish::{clear, finish_at_once},
    upload::{Entered, Part, Upload},
    wire::Checksum,
};
use crate::{app::state::App, kernel::failure::Failure, store::error::StoreError};
use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use protocol::problem::ProblemCode;
use std::time::Duration;

/// A body that gives no byte for so long is taken as broken.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of a body that are in memory; so many bodies of them may be under way that this is most of what is used.
const PIECE: usize = 128 * 1024;
/// A photo of at most so many bytes stays in memory while it comes in one body; it needs no parts.
const WHOLE: usize = 512 * 1024;

/// Where a body goes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub upload: Upload,
    /// `false`: it is only announced. A photo that comes whole with its creation is one commit, not two.
    pub is_entered: bool,
    pub checksum: Option<Checksum>,
}

/// Receives a body on a task of its own: when the client goes away the server drops the request, and with it
/// what had arrived.
pub(super) async fn receive(app: &App, target: Target, body: Body) -> Result<Upload, Failure> {
    let permit = app.blobs.receive(target.upload.stream.0)?;
    let app = app.clone();
    let task = tokio::spawn(async move {
        let _permit = permit;
        store(&app, target, body).await
    });
    task.await.map_err(Failure::internal)?
}

/// Enters an upload that was announced.
pub(super) async fn enter(app: &App, upload: Upload) -> Result<Entered, Failure> {
    let entered = app
        .write(move |tx, ctx| upload.clone().enter(tx, ctx.now))
        .await?;
    for id in &entered.given_up {
        clear(app, *id).await;
    }
    Ok(entered)
}

async fn store(app: &App, target: Target, body: Body) -> Result<Upload, Failure> {
    let Target {
        mut upload,
        is_entered,
        checksum,
    } = target;
    let room = upload.length.saturating_sub(upload.arrived);
    let mut incoming = Incoming::new(body, room);
    if upload.arrived == 0 && incoming.room <= WHOLE {
        incoming.most = WHOLE;
    }
    let (bytes, end) = incoming.piece().await?;
    if end == End::Whole && upload.arrived == 0 && bytes.len() as u64 == room {
        if checksum.as_ref().is_some_and(|sum| !sum.fits(&bytes)) {
            return Err(Failure::of(ProblemCode::UploadChecksum));
        }
        return finish_at_once(app, upload, is_entered, bytes).await;
    }
    if !is_entered {
        upload = enter(app, upload).await?.upload;
        if upload.finished.is_some() {
            return Ok(upload);
        }
    }
    let (stream, id) = (upload.stream, upload.id);
    let parts = spool(app, &upload, checksum.as_ref(), incoming, (bytes, end)).await?;
    if parts.is_empty() {
        let now = app.clock.now();
        return app.read(move |tx| Upload::load(tx, stream, id, now)).await;
    }
    let hours = app.settings.upload_hours;
    let objects: Vec<String> = parts.iter().map(|part| part.object.clone()).collect();
    let appended = app
        .write(move |tx, ctx| {
            let mut standing = Err(Failure::internal("no part"));
            for part in &parts {
                standing = Ok(Upload::append(tx, ctx, stream, id, part, hours)?);
            }
            standing
        })
        .await;
    for object in &objects {
        discard_uncounted(app, object, &appended).await;
    }
    appended
}

/// Puts a body piece by piece into the upload's folder, so that a large one is never in memory whole. With a checksum
/// that is the whole body or nothing.
async fn spool(
    app: &App,
    upload: &Upload,
    checksum: Option<&Checksum>,
    mut incoming: Incoming,
    mut piece: (Bytes, End),
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
            match put(app, &Upload::folder(upload.id), offset, bytes).await {
                Ok(part) => parts.push(part),
                Err(failure) => break Err(failure),
            }
            offset += length;
        }
        if end != End::More {
            break Ok(end);
        }
        match incoming.piece().await {
            Ok(next) => piece = next,
            Err(failure) => break Err(failure),
        }
    };
    let whole = matches!(done, Ok(End::Whole));
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

/// What arrived of a body for which there is room. With a checksum that is the whole body or nothing.
pub(super) async fn arrived(body: Body, room: u64, checksum: Option<&Checksum>) -> Result<Bytes, Failure> {
    let (bytes, whole) = collect(body, room).await?;
    if checksum.is_some_and(|checksum| !(whole && checksum.fits(&bytes))) {
        return Err(Failure::of(ProblemCode::UploadChecksum));
    }
    Ok(bytes)
}

/// Puts bytes into an upload's staging folder, durably; they count when a row names the part.
pub(super) async fn put(app: &App, folder: &str, offset: u64, bytes: Bytes) -> Result<Part, Failure> {
    // A name of its own, so that of two parts for one place neither overwrites the other.
    let object = format!("{folder}/{offset:010}-{}", hex::encode(short(app.secret())));
    let part = Part {
        offset,
        size: bytes.len() as u64,
        object: object.clone(),
    };
    app.blobs.put_durable(&object, bytes).await?;
    Ok(part)
}

/// Removes the object of a part that was not counted. When that is not known, its bytes have to stay.
pub(super) async fn discard_uncounted<T>(app: &App, object: &str, appended: &Result<T, Failure>) {
    if let Err(failure) = appended
        && !matches!(failure, Failure::Store(StoreError::CommitUnknown { .. }))
    {
        app.blobs.discard(object).await;
    }
}

fn short(secret: [u8; 32]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = secret;
    [a, b, c, d, e, f, g, h]
}

/// The bytes that arrived, and whether that is the whole body. More than there is room for is refused.
async fn collect(body: Body, room: u64) -> Result<(Bytes, bool), Failure> {
    let mut incoming = Incoming::new(body, room);
    let mut all = BytesMut::new();
    loop {
        let (bytes, end) = incoming.piece().await?;
        all.extend_from_slice(&bytes);
        if end != End::More {
            return Ok((all.freeze(), end == End::Whole));
        }
    }
}

/// Whether more of a body is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    More,
    Whole,
    /// The connection broke, or was silent for too long.
    Broken,
}

/// A body on its way.
struct Incoming {
    body: BodyDataStream,
    room: usize,
    /// Bytes of a piece at most.
    most: usize,
    /// What came with a piece and belongs to the next.
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
    /// The next bytes, a piece at most. More than there is room for is refused.
    async fn piece(&mut self) -> Result<(Bytes, End), Failure> {
        let mut piece = BytesMut::with_capacity(self.most.min(self.room.saturating_add(self.rest.len())));
        loop {
            let fitting = self.rest.len().min(self.most - piece.len());
            piece.extend_from_slice(&self.rest.split_to(fitting));
            if !self.rest.is_empty() {
                return Ok((piece.freeze(), End::More));
            }
            match tokio::time::timeout(SILENCE, self.body.next()).await {
                Ok(Some(Ok(chunk))) => {
                    let more = "more bytes than Upload-Length says";
                    let left = self.room.checked_sub(chunk.len());
                    self.room = left.ok_or_else(|| Failure::because(ProblemCode::PhotoSize, more))?;
                    self.rest = chunk;
                }
                Ok(None) => return Ok((piece.freeze(), End::Whole)),
                Ok(Some(Err(_))) | Err(_) => return Ok((piece.freeze(), End::Broken)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(chunks: Vec<Result<&'static str, std::io::Error>>) -> Body {
        Body::from_stream(futures_util::stream::iter(chunks))
    }

    #[tokio::test]
    async fn what_arrived_before_the_break_is_kept() {
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
            if end != End::More {
                break end;
            }
        };
        assert_eq!((sizes.len(), last), (3, End::Whole));
        assert!(sizes.iter().all(|size| *size <= PIECE));
        assert_eq!(sizes.iter().sum::<usize>(), 5 * chunk.len());
    }

    #[tokio::test]
    async fn more_than_was_announced_is_refused() {
        let refused = collect(body(vec![Ok("ab"), Ok("cd")]), 3).await.unwrap_err();
        assert_eq!(refused.code(), Some(ProblemCode::PhotoSize));
    }
}
