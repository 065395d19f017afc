//! A body becomes a part of an upload. What had arrived when the connection broke is kept: in the cellars this
//! product works in, that is most of a photo.

use super::{
    upload::{Part, Upload},
    wire::Checksum,
};
use crate::{app::App, failure::Failure, store::StoreError};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use protocol::{
    ids::{StreamId, UploadId},
    problem::ProblemCode,
};
use std::time::Duration;

/// A body that gives no byte for so long is taken as broken.
const SILENCE: Duration = Duration::from_secs(60);

/// Where a body goes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub stream: StreamId,
    pub upload: UploadId,
    pub offset: u64,
    /// Bytes that are still wanted.
    pub room: u64,
    pub checksum: Option<Checksum>,
}

/// Receives a body on a task of its own: when the client goes away the server drops the request, and with it
/// what had arrived.
pub(super) async fn receive(app: &App, target: Target, body: Body) -> Result<Upload, Failure> {
    let permit = app.blobs.receive(target.stream.0)?;
    let app = app.clone();
    let task = tokio::spawn(async move {
        let _permit = permit;
        store(&app, target, body).await
    });
    task.await.map_err(Failure::internal)?
}

async fn store(app: &App, target: Target, body: Body) -> Result<Upload, Failure> {
    let bytes = arrived(body, target.room, target.checksum.as_ref()).await?;
    let Target {
        stream,
        upload,
        offset,
        ..
    } = target;
    if bytes.is_empty() {
        let now = app.clock.now();
        return app.read(move |tx| Upload::load(tx, stream, upload, now)).await;
    }
    let part = put(app, &Upload::folder(upload), offset, bytes).await?;
    let hours = app.settings.upload_hours;
    let object = part.object.clone();
    let appended = app
        .write(move |tx, ctx| Upload::append(tx, ctx, stream, upload, &part, hours))
        .await;
    discard_uncounted(app, &object, &appended).await;
    appended
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
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    let mut stream = body.into_data_stream();
    let mut bytes = BytesMut::new();
    loop {
        match tokio::time::timeout(SILENCE, stream.next()).await {
            Ok(Some(Ok(chunk))) if bytes.len().saturating_add(chunk.len()) > room => {
                return Err(Failure::because(
                    ProblemCode::PhotoSize,
                    "more bytes than Upload-Length says",
                ));
            }
            Ok(Some(Ok(chunk))) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Ok((bytes.freeze(), true)),
            Ok(Some(Err(_))) | Err(_) => return Ok((bytes.freeze(), false)),
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
    async fn more_than_was_announced_is_refused() {
        let refused = collect(body(vec![Ok("ab"), Ok("cd")]), 3).await.unwrap_err();
        assert_eq!(refused.code(), Some(ProblemCode::PhotoSize));
    }
}
