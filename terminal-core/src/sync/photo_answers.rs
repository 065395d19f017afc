//! What the answers of the server and the photo files say about an upload.

use crate::{
    platform::photo_files::PhotoFileError,
    sync::{
        failure::{FailureKind, SyncFailure},
        step::StepOutcome,
    },
    transport::request::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use protocol::{
    entry::Reason,
    photo::Sha256,
    problem::{ErrorCode, HandsetCode, Problem, ProblemCode},
};

/// The collection of uploads.
pub(super) const UPLOADS: &str = "/v1/field/photos/";

pub(super) fn unreadable(error: &PhotoFileError) -> SyncFailure {
    let (kind, code, zh) = match error {
        PhotoFileError::Missing => (
            FailureKind::Refused,
            HandsetCode::PhotoFileMissing,
            "本机找不到照片文件，请重新拍照或联系管理员",
        ),
        PhotoFileError::Damaged => (
            FailureKind::Refused,
            HandsetCode::PhotoFileDamaged,
            "本机照片文件已损坏，请重新拍照或联系管理员",
        ),
        PhotoFileError::Unreadable(_) => (
            FailureKind::Transient { retry_after_ms: None },
            HandsetCode::PhotoFileUnreadable,
            "本机照片文件暂时无法读取",
        ),
    };
    SyncFailure {
        kind,
        reason: Reason::new(code, zh, error.to_string()),
    }
}

/// 404 and 410 mean that the upload is gone, even without a body (HEAD has none); a mistake only costs
/// sending the photo again. A problem document about something else does not count.
pub(super) fn is_gone(outcome: &StepOutcome) -> bool {
    match outcome {
        StepOutcome::Answer(response) if matches!(response.status, 404 | 410) => {
            match serde_json::from_slice::<Problem>(&response.body) {
                Ok(problem) => matches!(
                    problem.code,
                    ErrorCode::Problem(ProblemCode::NotFound | ProblemCode::UploadGone)
                ),
                Err(_) => true,
            }
        }
        _ => false,
    }
}

pub(super) fn offset(response: &Response) -> Option<u64> {
    response.header("upload-offset")?.trim().parse().ok()
}

/// The value of `Upload-Checksum` for these bytes.
pub(super) fn checksum(part: &[u8]) -> String {
    format!("sha256 {}", BASE64.encode(Sha256::of(part).0))
}

/// The path of a Location header, which may be absolute; only paths of the upload API are followed.
pub(super) fn upload_path(location: &str) -> Option<String> {
    let start = location.find(UPLOADS)?;
    let (before, path) = location.split_at(start);
    let own = before.is_empty() || before.starts_with("http://") || before.starts_with("https://");
    let name = path.strip_prefix(UPLOADS)?;
    let plain = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    (own && plain).then(|| path.to_owned())
}
