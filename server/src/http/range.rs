//! Answers with a file that never changes: the hash is the `ETag`, and a single `Range` continues an interrupted answer
//! (RFC 9110).

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use protocol::{photo::Sha256, problem::ProblemCode};

/// The answer with `bytes`, or with the requested range.
pub fn respond(asked: &HeaderMap, bytes: Bytes, sha256: Sha256, content_type: &'static str) -> Response {
    let etag = format!("\"{sha256}\"");
    let text = |name| {
        asked
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if text(header::IF_NONE_MATCH).is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == etag)) {
        return labelled(StatusCode::NOT_MODIFIED.into_response(), &etag, content_type);
    }
    // If-Range with another tag asks for the complete file, because a range of another version is useless.
    let range = text(header::RANGE)
        .filter(|_| text(header::IF_RANGE).is_none_or(|tag| tag == etag))
        .map_or(Wanted::All, |range| wanted(range, bytes.len()));
    let total = bytes.len();
    let response = match range {
        Wanted::All => bytes.into_response(),
        Wanted::Part(from, to) => {
            let mut response = (StatusCode::PARTIAL_CONTENT, bytes.slice(from..to)).into_response();
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
    labelled(response, &etag, content_type)
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
    Part(usize, usize),
    /// Starts beyond the end of the file.
    Nothing,
}

fn wanted(range: &str, total: usize) -> Wanted {
    let Some((first, last)) = range
        .trim()
        .strip_prefix("bytes=")
        .and_then(|spec| spec.split_once('-'))
    else {
        return Wanted::All;
    };
    let part = match (first.parse::<usize>(), last.parse::<usize>()) {
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
            respond(&headers, Bytes::from_static(b"0123456789"), sha, "text/plain").status()
        };
        assert_eq!(ask(format!("\"{sha}\"")), StatusCode::PARTIAL_CONTENT);
        assert_eq!(ask("\"another\"".into()), StatusCode::OK);
    }
}
