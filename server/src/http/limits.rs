//! Limits of the body of a request: bytes after decompression, time, and the memory for all bodies together.
//!
//! The layer around every request ([`apply`]) sets time and size by the route; the access check, which knows the caller,
//! claims the memory ([`claimed`]). Strangers have small bodies, and what they compressed is unpacked only when all of it
//! is here ([`stranger`]).

use crate::{
    app::{bounds::Claim, state::App},
    kernel::{
        clock::{Timer, timer, uptime},
        failure::Failure,
    },
};
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{DefaultBodyLimit, Request},
    http::{
        HeaderValue, Method,
        header::{AUTHORIZATION, CONTENT_ENCODING},
    },
};
use http_body::{Frame, SizeHint};
use protocol::{parcel::MAX_PARCEL_BYTES, problem::ProblemCode, push::MAX_PUSH_BYTES};
use std::{
    error::Error,
    fmt,
    io::Read as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

/// Most requests are small.
const USUAL: usize = 1024 * 1024;
/// Lists of a whole city: that of the largest one has less than 1 MiB.
const LISTS: usize = 2 * 1024 * 1024;
/// Largest body of a stranger.
const STRANGERS: usize = 16 * 1024;
/// Bytes of a stranger's body that take nothing of the memory for such bodies: sign-ins and requests for tokens fit, so that
/// other bodies, which end slowly, do not keep them out. Connections are bounded, and so is this.
const SMALL: usize = 1024;
/// Longest time between two pieces of a body; then the request is refused.
const BODY_PAUSE: Duration = Duration::from_secs(30);
/// Slowest speed of a photo in bytes per second: it may come home over any line that carries something, because it is in
/// memory only piece by piece.
const PHOTO_SPEED: u32 = 256;

/// The route by which an ended stream hands over its parcels: open, with a large body.
pub(crate) const PARCEL: &str = "/v1/field/parcel";

/// The routes of tus, which store a body while it arrives.
fn is_photo(method: &Method, path: &str) -> bool {
    method == Method::PATCH || path.starts_with("/v1/field/photos") || path.starts_with("/v1/attachments")
}

/// Most bytes of a body after decompression, so that a decompression bomb is refused. Handlers that stream (tus PATCH)
/// count by themselves.
fn most_bytes(app: &App, method: &Method, path: &str) -> usize {
    let photo = usize::try_from(app.settings.photo_bytes).unwrap_or(USUAL);
    match path {
        "/v1/field/push" => MAX_PUSH_BYTES,
        PARCEL => MAX_PARCEL_BYTES,
        "/v1/divisions" => LISTS,
        _ if is_photo(method, path) => photo,
        _ => USUAL,
    }
}

/// Set for a request of somebody who names no token: its body is compressed with this coding, and the layer for
/// decompression does not see it.
#[derive(Clone)]
struct Compressed(HeaderValue);

/// Set for a request with a token whose body the layer for decompression unpacks while it is read.
#[derive(Clone, Copy)]
struct Unpacked;

/// Applies size and time to a request. The size is checked where the body is read, inside the decompression.
pub(super) fn apply(app: &App, mut request: Request) -> Request {
    let (method, path) = (request.method(), request.uri().path());
    let most = most_bytes(app, method, path);
    let speed = match is_photo(method, path) {
        true => PHOTO_SPEED,
        false => app.settings.body_bytes_per_second,
    };
    let base = Duration::from_secs(u64::from(app.settings.body_base_seconds));
    DefaultBodyLimit::max(most).apply(&mut request);
    if !request.headers().contains_key(AUTHORIZATION) {
        if let Some(coding) = request.headers_mut().remove(CONTENT_ENCODING) {
            request.extensions_mut().insert(Compressed(coding));
        }
    } else if request.headers().contains_key(CONTENT_ENCODING) {
        request.extensions_mut().insert(Unpacked);
    }
    request.map(|body| {
        if body.is_end_stream() {
            return body;
        }
        Body::new(Paced {
            body,
            began: uptime(),
            base,
            speed: u64::from(speed),
            arrived: 0,
            pause: None,
        })
    })
}

/// Makes a request of a stranger: a small body, unpacked here.
///
/// # Errors
/// `request.media_type` for a coding other than gzip; `request.too_large`, also if only the unpacked body is;
/// `request.timeout`, `server.busy`.
pub(super) async fn stranger(request: Request, claim: Arc<Claim>) -> Result<Request, Failure> {
    // The token means nothing here, so that it leads around nothing.
    if request.extensions().get::<Unpacked>().is_some() {
        return Err(Failure::of(ProblemCode::UnsupportedMedia));
    }
    // Its handler reads the head first and claims the memory when it knows the stream.
    if request.uri().path() == PARCEL {
        let is_plain = request.extensions().get::<Compressed>().is_none();
        return is_plain
            .then_some(request)
            .ok_or_else(|| ProblemCode::UnsupportedMedia.into());
    }
    let mut request = request.map(|body| {
        Body::new(Claimed {
            body,
            claim,
            free: SMALL,
        })
    });
    DefaultBodyLimit::max(STRANGERS).apply(&mut request);
    let Some(Compressed(coding)) = request.extensions_mut().remove::<Compressed>() else {
        return Ok(request);
    };
    if coding != "gzip" {
        return Err(Failure::of(ProblemCode::UnsupportedMedia));
    }
    let (parts, body) = request.into_parts();
    let packed = read(body).await?;
    Ok(Request::from_parts(parts, Body::from(unpack(&packed)?)))
}

/// Reads the body of a stranger to its end.
///
/// # Errors
/// `request.too_large`, `request.timeout`, `server.busy`.
pub(super) async fn read(body: Body) -> Result<Bytes, Failure> {
    axum::body::to_bytes(body, STRANGERS).await.map_err(|error| {
        let fault = BodyFault::among(&error).map(Failure::from);
        fault.unwrap_or_else(|| Failure::of(ProblemCode::TooLarge))
    })
}

/// Unpacks gzip, of at most [`STRANGERS`] bytes.
fn unpack(packed: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut plain = Vec::new();
    let most = STRANGERS as u64 + 1;
    let read = flate2::read::GzDecoder::new(packed)
        .take(most)
        .read_to_end(&mut plain);
    read.map_err(|error| Failure::because(ProblemCode::BadRequest, error.to_string()))?;
    if plain.len() > STRANGERS {
        return Err(Failure::of(ProblemCode::TooLarge));
    }
    Ok(plain)
}

/// Claims the memory for what is read of the body. A body that is stored while it arrives is not counted: the object store
/// gives it its place.
pub(super) fn claimed(request: Request, claim: Arc<Claim>) -> Request {
    if is_photo(request.method(), request.uri().path()) || request.body().is_end_stream() {
        return request;
    }
    request.map(|body| Body::new(Claimed { body, claim, free: 0 }))
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// It arrived too slowly.
    Slow,
    /// There is no memory for it now.
    NoRoom,
}

impl BodyFault {
    /// The fault among the causes of an error, if it is one of these.
    pub fn among(error: &(dyn Error + 'static)) -> Option<Self> {
        std::iter::successors(Some(error), |error| (*error).source())
            .find_map(|error| error.downcast_ref::<Self>())
            .copied()
    }
}

impl From<BodyFault> for Failure {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::Slow => Self::of(ProblemCode::Slow),
            BodyFault::NoRoom => Self::later(ProblemCode::Busy, 5),
        }
    }
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slow => "the body arrives too slowly",
            Self::NoRoom => "no memory for the body",
        })
    }
}

impl Error for BodyFault {}

/// A body with a time: a pause ends it, and so does an average speed below the least one.
struct Paced {
    body: Body,
    began: Duration,
    base: Duration,
    /// Bytes per second.
    speed: u64,
    arrived: u64,
    /// Runs while the body waits for its next piece.
    pause: Option<Timer>,
}

impl Paced {
    /// The time that the bytes so far may have taken.
    fn allowed(&self) -> Duration {
        let millis = self.arrived.saturating_mul(1000) / self.speed.max(1);
        self.base.saturating_add(Duration::from_millis(millis))
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = axum::BoxError;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                this.pause = None;
                if let Some(Ok(frame)) = &frame
                    && let Some(bytes) = frame.data_ref()
                {
                    this.arrived = this.arrived.saturating_add(bytes.len() as u64);
                    if uptime().saturating_sub(this.began) > this.allowed() {
                        return Poll::Ready(Some(Err(BodyFault::Slow.into())));
                    }
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let left = this.allowed().saturating_sub(uptime().saturating_sub(this.began));
                let pause = this.pause.get_or_insert_with(|| timer(BODY_PAUSE.min(left)));
                ready!(pause.as_mut().poll(cx));
                Poll::Ready(Some(Err(BodyFault::Slow.into())))
            }
        }
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body whose bytes are claimed when they are read, after the first ones.
struct Claimed {
    body: Body,
    claim: Arc<Claim>,
    /// Bytes that need no claim.
    free: usize,
}

impl HttpBody for Claimed {
    type Data = Bytes;
    type Error = axum::BoxError;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(bytes) = frame.data_ref()
        {
            let counted = bytes.len().saturating_sub(self.free);
            self.free = self.free.saturating_sub(bytes.len());
            if counted > 0 && self.claim.take(counted).is_err() {
                return Poll::Ready(Some(Err(BodyFault::NoRoom.into())));
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
