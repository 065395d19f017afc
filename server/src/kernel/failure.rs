//! The one error of domain code. It knows nothing of HTTP; the answer that a client gets is made in
//! `http/problem.rs`.
//!
//! Inside, a failure carries all that a developer wants ([`Failure::internal_text`]); outside go a stable code and a
//! text without personal data ([`Failure::public_code`], [`Failure::public_text`]). [`Failure::public_code`] is
//! exhaustive, so that a new kind of failure has to say what it is outside.

use crate::store::error::StoreError;
use protocol::problem::{FieldError, ProblemCode, Recovery};

/// Why an operation did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// Refused by a rule; the client can know why.
    #[error("{code:?}: {detail}", code = .0.code, detail = .0.detail)]
    Refused(Box<Refusal>),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A defect or a broken machine; the text goes to the log only.
    #[error("internal: {0}")]
    Internal(String),
}

/// What kind of failure it is, for those who decide what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// By a rule: it stays so until the request or the data change.
    Refused,
    /// The database is busy, full, away or closing.
    Temporary,
    /// A defect or a broken machine.
    Defect,
}

/// A refusal with its code, what it was this time, and the fields concerned.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub code: ProblemCode,
    /// Without personal data: it is sent and logged.
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u32>,
}

impl Failure {
    /// A refusal with nothing more to say than its code does.
    pub fn of(code: ProblemCode) -> Self {
        Self::because(code, "")
    }
    pub fn because(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self::Refused(Box::new(Refusal {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }))
    }
    /// A refusal that names fields or guards.
    pub fn fields(code: ProblemCode, errors: Vec<FieldError>) -> Self {
        Self::Refused(Box::new(Refusal {
            code,
            detail: String::new(),
            errors,
            retry_after: None,
        }))
    }
    pub fn later(code: ProblemCode, retry_after_s: u32) -> Self {
        Self::Refused(Box::new(Refusal {
            code,
            detail: String::new(),
            errors: Vec::new(),
            retry_after: Some(retry_after_s),
        }))
    }
    pub fn internal(what: impl std::fmt::Display) -> Self {
        Self::Internal(what.to_string())
    }
    /// The refusal's code, when it is one.
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::Store(_) | Self::Internal(_) => None,
        }
    }
    /// What kind of failure it is.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Refused(_) | Self::Store(StoreError::NotFound | StoreError::Unportable { .. }) => {
                FailureKind::Refused
            }
            Self::Store(error) if error.is_temporary() => FailureKind::Temporary,
            Self::Store(_) | Self::Internal(_) => FailureKind::Defect,
        }
    }
    /// The code that a client sees. Unlike [`Failure::code`] every failure has one.
    pub fn public_code(&self) -> ProblemCode {
        match self {
            Self::Refused(refusal) => refusal.code,
            Self::Store(StoreError::NotFound) => ProblemCode::NotFound,
            // Text with a NUL character, out of the request's own body or query.
            Self::Store(StoreError::Unportable { .. }) => ProblemCode::Invalid,
            Self::Store(StoreError::Full) => ProblemCode::Full,
            Self::Store(StoreError::Closed) => ProblemCode::Stopping,
            Self::Store(error) if error.is_temporary() => ProblemCode::Busy,
            Self::Store(_) | Self::Internal(_) => ProblemCode::Internal,
        }
    }
    /// What it was this time, in words that a client may see; empty when the code says it all.
    pub fn public_text(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.detail,
            Self::Store(StoreError::Unportable { why, .. }) => why,
            Self::Store(_) | Self::Internal(_) => "",
        }
    }
    /// All that is known, for the log only: an engine's own words may quote personal data.
    pub fn internal_text(&self) -> String {
        match self {
            Self::Store(error) => match error.detail() {
                Some(detail) => format!("{error}: {detail}"),
                None => error.to_string(),
            },
            Self::Refused(_) | Self::Internal(_) => self.to_string(),
        }
    }
    /// The fields or guards concerned.
    pub fn fields_concerned(&self) -> &[FieldError] {
        match self {
            Self::Refused(refusal) => &refusal.errors,
            Self::Store(_) | Self::Internal(_) => &[],
        }
    }
    /// After how many seconds to try again, where somebody knows.
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Store(StoreError::NotFound | StoreError::Unportable { .. }) => None,
            Self::Store(StoreError::Full) => Some(60),
            Self::Store(error) if error.is_temporary() => Some(5),
            Self::Store(_) | Self::Internal(_) => None,
        }
    }
    /// Whether the same operation may succeed later without anybody changing it.
    pub fn retryable(&self) -> bool {
        matches!(self.public_code().recovery(), Recovery::Retry)
    }
}

/// `request.invalid` for one field; see [`field_error`].
pub(crate) fn invalid(at: impl Into<String>, zh: impl Into<String>, en: impl Into<String>) -> Failure {
    Failure::fields(ProblemCode::Invalid, vec![field_error(at, zh, en)])
}

/// The error of one field. `at` is a JSON pointer into the body, `?name` for a query parameter, or the name of a header
/// or guard; `zh` and `en` say the reason. The only place of the server that makes a [`FieldError`].
pub(crate) fn field_error(at: impl Into<String>, zh: impl Into<String>, en: impl Into<String>) -> FieldError {
    FieldError {
        at: at.into(),
        zh: zh.into(),
        en: en.into(),
    }
}

impl From<ProblemCode> for Failure {
    fn from(code: ProblemCode) -> Self {
        Self::of(code)
    }
}

impl From<serde_json::Error> for Failure {
    /// For data of our own making; bodies of requests are read by the extractors.
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_says_outside_what_it_is_and_nothing_secret() {
        let refused = Failure::because(ProblemCode::CaseGuard, "no opinion");
        assert_eq!(
            (refused.kind(), refused.retryable()),
            (FailureKind::Refused, false)
        );
        assert_eq!(refused.public_text(), "no opinion");
        let busy = Failure::from(StoreError::Busy);
        assert_eq!((busy.kind(), busy.retryable()), (FailureKind::Temporary, true));
        assert_eq!(
            (busy.public_code(), busy.retry_after_s()),
            (ProblemCode::Busy, Some(5))
        );
        let full = Failure::from(StoreError::Full);
        assert_eq!(
            (full.public_code(), full.retry_after_s()),
            (ProblemCode::Full, Some(60))
        );
        let defect = Failure::internal("张三");
        assert_eq!(
            (defect.kind(), defect.public_code()),
            (FailureKind::Defect, ProblemCode::Internal)
        );
        assert_eq!(defect.public_text(), "");
        assert!(defect.internal_text().contains("张三"));
        let absent = Failure::from(StoreError::NotFound);
        assert_eq!(
            (absent.kind(), absent.public_code()),
            (FailureKind::Refused, ProblemCode::NotFound)
        );
        assert!(!absent.retryable());
    }
}
