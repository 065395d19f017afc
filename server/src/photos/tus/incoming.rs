//! The bytes of a request as they arrive, in pieces that are few enough to be in memory. If the connection breaks, the
//! bytes that arrived are kept: on an unreliable connection that is most of a photo.

use crate::kernel::failure::Failure;
use axum::body::{Body, BodyDataStream, HttpBody as _};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use protocol::{photo::Sha256, problem::ProblemCode};
use sha2::Digest as _;
use std::time::Duration;

/// A body that sends no byte for this long counts as broken.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of a long body that are in memory at a time. Times the number of bodies that may be received at the same time,
/// this is most of the memory that uploads use.
const PIECE: usize = 128 * 1024;
/// A body of at most this many bytes is in memory as a whole.
pub(super) const WHOLE: usize = 512 * 1024;

/// What follows a piece of a body: more bytes, or its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyEnd {
    /// Another piece.
    More,
    /// Nothing: the body is complete.
    Whole,
    /// Nothing: the connection broke, or no byte came for [`SILENCE`].
    Broken,
}

/// A body that is being received.
pub(super) struct Incoming {
    body: BodyDataStream,
    /// Bytes that may still arrive.
    room: usize,
    /// Bytes that will still arrive, as far as the client has said.
    expected: usize,
    /// The largest piece, in bytes.
    most: usize,
    /// Bytes that arrived and belong to the next piece.
    rest: Bytes,
    /// A buffer for the next piece.
    spare: Option<BytesMut>,
    /// The hash of all bytes that arrived, if they may be a whole upload.
    running: Option<sha2::Sha256>,
}

impl Incoming {
    /// A body that continues an upload of `length` bytes at `arrived`.
    pub fn new(body: Body, arrived: u64, length: u64) -> Self {
        let room = length.saturating_sub(arrived);
        let announced = body.size_hint().exact();
        let is_all = arrived == 0 && announced.is_none_or(|bytes| bytes == room);
        let expected = usize::try_from(announced.unwrap_or(room).min(room)).unwrap_or(usize::MAX);
        Self {
            body: body.into_data_stream(),
            room: usize::try_from(room).unwrap_or(usize::MAX),
            expected,
            most: if expected <= WHOLE { WHOLE } else { PIECE },
            rest: Bytes::new(),
            spare: None,
            running: is_all.then(sha2::Sha256::default),
        }
    }
    /// Makes pieces larger, for a store in which each becomes an object.
    pub fn with_large_pieces(mut self) -> Self {
        self.most = WHOLE;
        self
    }
    /// Uses the memory of a piece for the next one, unless somebody holds the piece.
    pub fn give_back(&mut self, piece: Bytes) {
        self.spare = piece.try_into_mut().ok().map(|mut buffer| {
            buffer.clear();
            buffer
        });
    }
    /// The hash of the upload, if this body was all of it.
    pub fn hash(&mut self) -> Option<Sha256> {
        if self.room > 0 || !self.rest.is_empty() {
            return None;
        }
        self.running.take().map(|sum| Sha256(sum.finalize().into()))
    }
    /// The next bytes, at most one piece. `photo.size` if more bytes arrive than were announced.
    pub async fn piece(&mut self) -> Result<(Bytes, BodyEnd), Failure> {
        let length = self.most.min(self.expected.saturating_add(self.rest.len()));
        let mut piece = self.spare.take().unwrap_or_default();
        piece.reserve(length);
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
                    self.expected = self.expected.saturating_sub(chunk.len());
                    if let Some(sum) = &mut self.running {
                        sum.update(&chunk);
                    }
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
        let mut incoming = Incoming::new(body, 0, room);
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
        let chunks = std::iter::repeat_n(chunk.clone(), 9).map(Ok::<_, std::io::Error>);
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        let mut incoming = Incoming::new(body, 0, 9 * chunk.len() as u64);
        let mut sizes = Vec::new();
        let last = loop {
            let (bytes, end) = incoming.piece().await.unwrap();
            sizes.push(bytes.len());
            if end != BodyEnd::More {
                break end;
            }
        };
        assert_eq!((sizes.len(), last), (5, BodyEnd::Whole));
        assert!(sizes.iter().all(|size| *size <= PIECE));
        assert_eq!(sizes.iter().sum::<usize>(), 9 * chunk.len());
    }

    #[tokio::test]
    async fn the_hash_is_known_when_a_whole_upload_has_arrived_and_not_before() {
        let mut whole = Incoming::new(body(vec![Ok("ab"), Ok("cd")]), 0, 4);
        assert_eq!(whole.hash(), None);
        assert_eq!(whole.piece().await.unwrap().1, BodyEnd::Whole);
        assert_eq!(whole.hash(), Some(Sha256::of(b"abcd")));
        for (body, arrived, length) in [
            (body(vec![Ok("ab"), Ok("cd")]), 1, 5),
            (body(vec![Ok("ab")]), 0, 4),
            (Body::from("ab"), 0, 4),
        ] {
            let mut part = Incoming::new(body, arrived, length);
            part.piece().await.unwrap();
            assert_eq!(part.hash(), None);
        }
    }

    #[tokio::test]
    async fn more_bytes_than_announced_are_refused() {
        let refused = collect(body(vec![Ok("ab"), Ok("cd")]), 3).await.unwrap_err();
        assert_eq!(refused.code(), Some(ProblemCode::PhotoSize));
    }
}
