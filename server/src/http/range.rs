//! Answers with a file that never changes: the hash is the `ETag`, and a single `Range` continues an interrupted answer
//! (RFC 9110).

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use protocol::{photo::Sha256, problem::ProblemCode};
use std::ops::Range;

/// The answer with `bytes`, or with the requested range.
pub fn respond(asked: &HeaderMap, bytes: &Bytes, sha256: Sha256, content_type: &'static str) -> Response {
    let answer = RangeAnswer::to(asked, bytes.len() as u64, sha256, content_type);
    let part = answer.span().map_or_else(Bytes::new, |span| {
        bytes
            .slice(usize::try_from(span.start).unwrap_or(0)..usize::try_from(span.end).unwrap_or(bytes.len()))
    });
    answer.with(part)
}

/// An answer whose bytes are read after it is known which ones are wanted.
pub struct RangeAnswer {
    etag: String,
    content_type: &'static str,
    total: u64,
    wanted: Wanted,
}

impl RangeAnswer {
    /// The answer to a request with these headers, for a file of `total` bytes.
    pub fn to(asked: &HeaderMap, total: u64, sha256: Sha256, content_type: &'static str) -> Self {
        let etag = format!("\"{sha256}\"");
        let text = |name| {
            asked
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let has_it =
            text(header::IF_NONE_MATCH).is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == etag));
        // If-Range with another tag asks for the complete file, because a range of another version is useless.
        let wanted = match has_it {
            true => Wanted::Unchanged,
            false => text(header::RANGE)
                .filter(|_| text(header::IF_RANGE).is_none_or(|tag| tag == etag))
                .map_or(Wanted::All, |range| wanted(range, total)),
        };
        Self {
            etag,
            content_type,
            total,
            wanted,
        }
    }

    /// The bytes that [`RangeAnswer::with`] expects; `None` for an answer without bytes.
    pub fn span(&self) -> Option<Range<u64>> {
        match self.wanted {
            Wanted::All => Some(0..self.total).filter(|all| !all.is_empty()),
            Wanted::Part(from, to) => Some(from..to),
            Wanted::Nothing | Wanted::Unchanged => None,
        }
    }

    /// The response with the bytes of [`RangeAnswer::span`].
    pub fn with(self, bytes: Bytes) -> Response {
        let length = bytes.len() as u64;
        self.with_body(bytes.into(), length)
    }

    /// [`RangeAnswer::with`] for bytes that are read while the client takes them.
    pub fn with_body(self, bytes: Body, length: u64) -> Response {
        let total = self.total;
        let response = match self.wanted {
            Wanted::Unchanged => StatusCode::NOT_MODIFIED.into_response(),
            Wanted::All => sized(StatusCode::OK, bytes, length),
            Wanted::Part(from, to) => {
                let mut response = sized(StatusCode::PARTIAL_CONTENT, bytes, length);
                let span = format!("bytes {from}-{}/{total}", to - 1);
                if let Ok(value) = HeaderValue::try_from(span) {
                    response.headers_mut().insert(header::CONTENT_RANGE, value);
                }
                response
            }
            Wanted::Nothing => {
                let mut response = crate::http::problem::of(ProblemCode::RangeBeyond);
                if let Ok(value) = HeaderValue::try_from(format!("bytes */{total}")) {
                    response.headers_mut().insert(header::CONTENT_RANGE, value);
                }
                return response;
            }
        };
        labelled(response, &self.etag, self.content_type)
    }
}

fn sized(status: StatusCode, bytes: Body, length: u64) -> Response {
    (
        status,
        [(header::CONTENT_LENGTH, HeaderValue::from(length))],
        bytes,
    )
        .into_response()
}

fn labelled(mut response: Response, etag: &str, content_type: &'static str) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=31536000, immutable"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if let Ok(value) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, value);
    }
    response
}

/// The request of a `Range` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The complete file. Also for a header that is not a single byte range, which the server may ignore.
    All,
    /// Half-open.
    Part(u64, u64),
    /// Starts beyond the end of the file.
    Nothing,
    /// The client has the file.
    Unchanged,
}

fn wanted(range: &str, total: u64) -> Wanted {
    let Some((first, last)) = range
        .trim()
        .strip_prefix("bytes=")
        .and_then(|spec| spec.split_once('-'))
    else {
        return Wanted::All;
    };
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(total)),
        (Ok(first), Err(_)) if last.is_empty() => (first, total),
        (Err(_), Ok(suffix)) if first.is_empty() => (total.saturating_sub(suffix), total),
        _ => return Wanted::All,
    };
    if part.0 < part.1 {
        Wanted::Part(part.0, part.1)
    } else {
        Wanted::Nothing
    }
}

/// The media type of a picture by its first bytes.
pub fn picture_type(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xFF, 0xD8, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_says_what_it_wants() {
        for (range, expected) in [
            ("bytes=0-0", Wanted::Part(0, 1)),
            ("bytes=2-", Wanted::Part(2, 10)),
            ("bytes=2-99", Wanted::Part(2, 10)),
            ("bytes=-3", Wanted::Part(7, 10)),
            ("bytes=-99", Wanted::Part(0, 10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=5-2", Wanted::All),
            ("bytes=0-1,4-5", Wanted::All),
            ("lines=1-2", Wanted::All),
            ("", Wanted::All),
        ] {
            assert_eq!(wanted(range, 10), expected, "{range}");
        }
    }

    #[test]
    fn a_range_of_another_version_gives_the_whole_file() {
        let sha = Sha256::of(b"0123456789");
        let ask = |if_range: String| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_static("bytes=4-"));
            headers.insert(header::IF_RANGE, HeaderValue::try_from(if_range).unwrap());
            respond(&headers, &Bytes::from_static(b"0123456789"), sha, "text/plain").status()
        };
        assert_eq!(ask(format!("\"{sha}\"")), StatusCode::PARTIAL_CONTENT);
        assert_eq!(ask("\"another\"".into()), StatusCode::OK);
    }
}
