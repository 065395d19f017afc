//! `xunge-1` at the server ([`protocol::coding`]): its dictionary belongs to a stream, so a body is decoded only in handlers
//! that know the stream. Every other coding that the decompression layer does not decode is refused.

use super::problem;
use crate::kernel::failure::Failure;
use axum::{
    body::{Body, Bytes},
    extract::{MatchedPath, Request},
    http::{
        HeaderMap, HeaderValue,
        header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE},
    },
    middleware::Next,
    response::Response,
};
use protocol::{
    coding::{CODING, CodingError, Words},
    problem::ProblemCode,
};

/// The routes whose handlers decode `xunge-1`.
const READERS: [&str; 1] = ["/v1/field/push"];

fn is_coded(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_ENCODING).is_some_and(|value| value == CODING)
}

/// Layer inside the decompression, which passes unknown codings on.
pub(crate) async fn known(request: Request, next: Next) -> Response {
    let coding = request.headers().get(CONTENT_ENCODING);
    let is_plain = coding.is_none_or(|value| value == "identity");
    let route = request.extensions().get::<MatchedPath>();
    let reads = route.is_some_and(|path| READERS.contains(&path.as_str()));
    if is_plain || (reads && is_coded(request.headers())) {
        return next.run(request).await;
    }
    let mut answer = problem::of(ProblemCode::UnsupportedMedia);
    let accepted = HeaderValue::from_static(if reads { "gzip, xunge-1" } else { "gzip" });
    answer.headers_mut().insert(ACCEPT_ENCODING, accepted);
    answer
}

/// Decodes a body of at most `most` bytes. An unknown dictionary is refused like an unknown coding.
pub(crate) fn unpack(headers: &HeaderMap, body: Bytes, words: &Words, most: usize) -> Result<Bytes, Failure> {
    if !is_coded(headers) {
        return Ok(body);
    }
    let plain = words.unpack(&body, most).map_err(|error| match error {
        CodingError::OtherWords => Failure::of(ProblemCode::UnsupportedMedia),
        CodingError::TooLarge => Failure::of(ProblemCode::TooLarge),
        CodingError::Damaged => Failure::because(ProblemCode::BadRequest, error.to_string()),
    })?;
    Ok(plain.into())
}

/// Answers JSON, encoded with `xunge-1` if the request was and the client accepts it.
pub(crate) fn answer<T: serde::Serialize>(
    headers: &HeaderMap,
    answer: &T,
    words: &Words,
) -> Result<Response, Failure> {
    let plain = serde_json::to_vec(answer)?;
    let reads = headers.get_all(ACCEPT_ENCODING).iter().any(|value| {
        let text = value.to_str().unwrap_or_default();
        text.split(',').any(|one| one.trim() == CODING)
    });
    let packed = if reads && is_coded(headers) {
        words.pack(&plain)
    } else {
        None
    };
    let coded = packed.is_some();
    let mut response = Response::new(Body::from(packed.unwrap_or(plain)));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    if coded {
        response
            .headers_mut()
            .insert(CONTENT_ENCODING, HeaderValue::from_static(CODING));
    }
    Ok(response)
}
