//! What a request may cost: bytes after decompression, time between two pieces of a body, requests a minute.

use crate::{app::state::App, kernel::failure::Failure};
use axum::{
    body::Body,
    extract::{DefaultBodyLimit, Request},
    http::Method,
};
use protocol::{
    ids::StreamId, parcel::MAX_PARCEL_BYTES, problem::ProblemCode, push::MAX_PUSH_BYTES, time::Millis,
};
use std::{collections::HashMap, sync::Mutex, time::Duration};
use tower_http::timeout::TimeoutBody;

/// Most requests are small.
const USUAL: usize = 1024 * 1024;
/// Lists of a whole city.
const LISTS: usize = 16 * 1024 * 1024;
/// A body whose next piece does not come for this long is given up.
const BODY_PAUSE: Duration = Duration::from_secs(30);

/// How many bytes a body may have once it is decompressed: a compressed bomb is counted by what it becomes.
/// Handlers that stream (tus PATCH) count by themselves.
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

/// Puts the limits on a request. The limit takes hold where a body is read, inside the decompression.
pub(super) fn apply(app: &App, mut request: Request) -> Request {
    let most = most_bytes(app, request.method(), request.uri().path());
    DefaultBodyLimit::max(most).apply(&mut request);
    request.map(|body| Body::new(TimeoutBody::new(BODY_PAUSE, body)))
}

/// Counts each stream's requests in windows of one minute. In memory and by replica: it protects the server
/// from a handset gone wild, it is no quota.
#[derive(Default)]
pub struct RateLimiter(Mutex<Window>);

#[derive(Default)]
struct Window {
    minute: i64,
    counts: HashMap<StreamId, u32>,
}

impl RateLimiter {
    /// Counts a request; `request.rate` with the seconds left in the window when it is one too many.
    pub fn count(&self, stream: StreamId, now: Millis, most: u32) -> Result<(), Failure> {
        if most == 0 {
            return Ok(());
        }
        let minute = now.0.div_euclid(60_000);
        let mut window = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if window.minute != minute {
            *window = Window {
                minute,
                counts: HashMap::new(),
            };
        }
        let count = window.counts.entry(stream).or_insert(0);
        *count = count.saturating_add(1);
        if *count > most {
            let left = 60_000 - now.0.rem_euclid(60_000);
            return Err(Failure::later(
                ProblemCode::RateLimited,
                u32::try_from(left / 1000 + 1).unwrap_or(60),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_after_the_last_allowed_waits_for_the_next_minute() {
        let limiter = RateLimiter::default();
        let stream = StreamId::from_parts(0, [1; 10]);
        let other = StreamId::from_parts(0, [2; 10]);
        let at = Millis(60_000 * 7 + 20_000);
        assert!(limiter.count(stream, at, 2).is_ok());
        assert!(limiter.count(stream, at, 2).is_ok());
        let (problem, wait) = limiter.count(stream, at, 2).unwrap_err().problem();
        assert_eq!((problem.status, wait), (429, Some(41)));
        assert!(limiter.count(other, at, 2).is_ok());
        assert!(limiter.count(stream, at.plus(40_000), 2).is_ok());
        assert!((0..5).all(|_| limiter.count(stream, at, 0).is_ok()));
    }
}
