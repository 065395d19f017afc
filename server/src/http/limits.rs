//! Limits of a request: bytes after decompression, time between two pieces of a body.

use crate::app::state::App;
use axum::{
    body::Body,
    extract::{DefaultBodyLimit, Request},
    http::Method,
};
use protocol::{parcel::MAX_PARCEL_BYTES, push::MAX_PUSH_BYTES};
use std::time::Duration;
use tower_http::timeout::TimeoutBody;

/// Most requests are small.
const USUAL: usize = 1024 * 1024;
/// Lists of a whole city.
const LISTS: usize = 16 * 1024 * 1024;
/// Longest time between two pieces of a body; then the request is refused.
const BODY_PAUSE: Duration = Duration::from_secs(30);

/// Most bytes of a body after decompression, so that a decompression bomb is refused. Handlers that stream (tus PATCH)
/// count by themselves.
fn most_bytes(app: &App, method: &Method, path: &str) -> usize {
    let photo = usize::try_from(app.settings.photo_bytes).unwrap_or(USUAL);
    match path {
        "/v1/field/push" => MAX_PUSH_BYTES,
        "/v1/field/parcel" => MAX_PARCEL_BYTES,
        "/v1/divisions" => LISTS,
        "/v1/attachments" => photo,
        _ if method == Method::PATCH || path.starts_with("/v1/field/photos") => photo,
        _ => USUAL,
    }
}

/// Applies the limits to a request. The size is checked where the body is read, inside the decompression.
pub(super) fn apply(app: &App, mut request: Request) -> Request {
    let most = most_bytes(app, request.method(), request.uri().path());
    DefaultBodyLimit::max(most).apply(&mut request);
    request.map(|body| Body::new(TimeoutBody::new(BODY_PAUSE, body)))
}
