//! Reads and writes the headers of tus 1.0.0.

use crate::kernel::failure::Failure;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use protocol::{field::RESUME_KEY, photo::Sha256, problem::ProblemCode, time::Millis};
use sha2::Digest;

pub(super) const VERSION: &str = "1.0.0";
pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";
pub(super) const ALGORITHMS: &str = "sha1,sha256";
pub(super) const CHUNK: &str = "application/offset+octet-stream";

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// Adds the version, which every response states.
pub(super) fn answer(result: Result<Response, Failure>) -> Response {
    let mut response = result.unwrap_or_else(|failure| {
        let version = failure.code() == Some(ProblemCode::TusVersion);
        let mut response = failure.into_response();
        if version {
            response
                .headers_mut()
                .insert(TUS_VERSION, HeaderValue::from_static(VERSION));
        }
        response
    });
    response
        .headers_mut()
        .insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
    response
}

/// A response without a body.
pub(super) fn empty(status: StatusCode, headers: impl IntoIterator<Item = (HeaderName, String)>) -> Response {
    let mut response = status.into_response();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The response to OPTIONS: version, extensions and limits.
pub(super) fn options(max_size: u64) -> Response {
    empty(
        StatusCode::NO_CONTENT,
        [
            (TUS_RESUMABLE, VERSION.to_owned()),
            (TUS_VERSION, VERSION.to_owned()),
            (TUS_EXTENSION, EXTENSIONS.to_owned()),
            (TUS_MAX_SIZE, max_size.to_string()),
            (TUS_CHECKSUM_ALGORITHM, ALGORITHMS.to_owned()),
        ],
    )
}

/// The header as text, if it is present and readable.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// `upload.version` unless the client uses this version.
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), Failure> {
    if text(headers, &TUS_RESUMABLE) == Some(VERSION) {
        Ok(())
    } else {
        Err(Failure::of(ProblemCode::TusVersion))
    }
}

/// Whether the request carries bytes of an upload.
pub(super) fn is_chunk(headers: &HeaderMap) -> bool {
    text(headers, &header::CONTENT_TYPE) == Some(CHUNK)
}

/// A header that holds a number of bytes; `None` if it is absent.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, Failure> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let digits = value
        .to_str()
        .ok()
        .filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()));
    digits
        .and_then(|t| t.parse().ok())
        .map(Some)
        .ok_or_else(|| malformed(format!("{name} is no number of bytes")))
}

/// `request.malformed` with this detail.
pub(super) fn malformed(what: impl Into<String>) -> Failure {
    Failure::because(ProblemCode::BadRequest, what)
}

const NO_HASH: &str = "upload-metadata: sha256 with 64 hexadecimal digits is missing";

/// The hash that `Upload-Metadata` must name.
pub(super) fn named_hash(metadata: &str) -> Result<Sha256, Failure> {
    hash_in(metadata)?.ok_or_else(|| malformed(NO_HASH))
}

/// The hash that `Upload-Metadata` may name. Checks the whole header: each key once, values in base64.
pub(super) fn hash_in(metadata: &str) -> Result<Option<Sha256>, Failure> {
    let mut seen = Vec::new();
    let mut hash = None;
    for pair in metadata.split(',') {
        let mut words = pair.trim().split(' ');
        let key = words.next().filter(|k| !k.is_empty() && k.is_ascii());
        let (Some(key), value, None) = (key, words.next().unwrap_or_default(), words.next()) else {
            return Err(malformed(
                "upload-metadata: expected pairs of key and value, separated by commas",
            ));
        };
        let Ok(value) = BASE64.decode(value) else {
            return Err(malformed(format!(
                "upload-metadata: the value of {key} is not base64"
            )));
        };
        if seen.contains(&key) {
            return Err(malformed(format!("upload-metadata: {key} stands twice")));
        }
        seen.push(key);
        if key == "sha256" {
            let named = String::from_utf8(value).ok().and_then(|text| text.parse().ok());
            hash = Some(named.ok_or_else(|| malformed(NO_HASH))?);
        }
    }
    Ok(hash)
}

/// Whether the client began an upload of this content before and never learnt its place: `Upload-Metadata` has the key
/// `resume`. The header was checked by [`hash_in`].
pub(super) fn resumes(metadata: &str) -> bool {
    let mut keys = metadata.split(',').map(|pair| pair.trim().split(' ').next());
    keys.any(|key| key == Some(RESUME_KEY))
}

/// The value of `Upload-Checksum`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Checksum {
    Sha1(Vec<u8>),
    Sha256(Vec<u8>),
}

impl Checksum {
    /// The checksum that the request announces, if any.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Failure> {
        let Some(value) = headers.get(UPLOAD_CHECKSUM) else {
            return Ok(None);
        };
        let (algorithm, digest) = value
            .to_str()
            .ok()
            .and_then(|t| t.trim().split_once(' '))
            .ok_or_else(|| malformed("upload-checksum: expected an algorithm and a digest"))?;
        let digest = BASE64
            .decode(digest.trim())
            .map_err(|_| malformed("upload-checksum: the digest is not base64"))?;
        match algorithm {
            "sha1" => Ok(Some(Self::Sha1(digest))),
            "sha256" => Ok(Some(Self::Sha256(digest))),
            _ => Err(malformed(format!("upload-checksum: use one of {ALGORITHMS}"))),
        }
    }
    /// Whether these bytes have the announced checksum.
    pub fn fits(&self, bytes: &[u8]) -> bool {
        let mut running = self.begin();
        running.update(bytes);
        self.is(running)
    }
    /// Begins to compute the checksum of a body that arrives in pieces.
    pub fn begin(&self) -> RunningChecksum {
        match self {
            Self::Sha1(_) => RunningChecksum::Sha1(sha1::Sha1::new()),
            Self::Sha256(_) => RunningChecksum::Sha256(sha2::Sha256::new()),
        }
    }
    /// Whether the computed checksum is the announced one.
    pub fn is(&self, running: RunningChecksum) -> bool {
        match (self, running) {
            (Self::Sha1(digest), RunningChecksum::Sha1(sum)) => {
                sum.finalize().as_slice() == digest.as_slice()
            }
            (Self::Sha256(digest), RunningChecksum::Sha256(sum)) => {
                sum.finalize().as_slice() == digest.as_slice()
            }
            (Self::Sha1(_), RunningChecksum::Sha256(_)) | (Self::Sha256(_), RunningChecksum::Sha1(_)) => {
                false
            }
        }
    }
}

/// A checksum that is being computed.
pub(super) enum RunningChecksum {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

impl RunningChecksum {
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(sum) => sum.update(bytes),
            Self::Sha256(sum) => sum.update(bytes),
        }
    }
}

/// `Upload-Expires`, in the form of RFC 9110.
pub(super) fn http_date(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_names_a_hash_or_reports_the_error() {
        let hash = Sha256::of(b"x");
        let coded = BASE64.encode(hash.to_string());
        assert_eq!(named_hash(&format!("sha256 {coded}")).ok(), Some(hash));
        assert_eq!(
            named_hash(&format!("filename YS5qcGc=,sha256 {coded},is_scene")).ok(),
            Some(hash)
        );
        for bad in [
            String::new(),
            "filename YS5qcGc=".into(),
            "sha256 !!".into(),
            "sha256 YWJj".into(),
            format!("sha256 {coded},sha256 {coded}"),
            format!("sha256  {coded}"),
            format!("sha256 {coded},"),
        ] {
            assert_eq!(
                named_hash(&bad).unwrap_err().code(),
                Some(ProblemCode::BadRequest),
                "{bad}"
            );
        }
    }

    #[test]
    fn checksums_of_both_algorithms_are_checked() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(UPLOAD_CHECKSUM, HeaderValue::from_str(value).unwrap());
            Checksum::of(&headers)
        };
        // The example of the tus specification.
        let sha1 = with("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").unwrap().unwrap();
        assert!(sha1.fits(b"hello world") && !sha1.fits(b"hello worlds"));
        let sha256 = with(&format!("sha256 {}", BASE64.encode(Sha256::of(b"a").0)))
            .unwrap()
            .unwrap();
        assert!(sha256.fits(b"a") && !sha256.fits(b"b"));
        for bad in ["md5 AAAA", "sha1", "sha1 !!"] {
            assert_eq!(
                with(bad).unwrap_err().code(),
                Some(ProblemCode::BadRequest),
                "{bad}"
            );
        }
        assert_eq!(Checksum::of(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn expiry_is_an_http_date() {
        assert_eq!(
            http_date(Millis(784_111_777_000)),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
    }
}
