//! The error type of domain code. It does not depend on HTTP; `http/problem.rs` makes the answer to the client.
//!
//! The log gets the details ([`Failure::internal_text`]); the client gets a stable code and a text without personal
//! data ([`Failure::public_code`], [`Failure::public_text`]). [`Failure::public_code`] is an exhaustive match, so that
//! a new kind of failure does not compile without a public code.

use crate::store::error::StoreError;
use protocol::problem::{FieldError, ProblemCode, Recovery};
use std::fmt;

/// Why an operation failed. It changed nothing, unless the store error is `CommitUnknown`.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// Refused by a rule; the client gets the reason.
    #[error("{0}")]
    Refused(Box<Refusal>),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A defect of the program or the machine; the text goes to the log only.
    #[error("internal: {0}")]
    Internal(String),
}

/// Kinds of failures, for code that decides how to continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// Refused by a rule: a retry fails too, until the request or the data change.
    Refused,
    /// The database is busy, full, unreachable or closing; a retry may succeed.
    Temporary,
    /// A defect of the program or the machine.
    Defect,
}

/// A refusal: its code, the details, and the fields or guards concerned.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub code: ProblemCode,
    /// Without personal data: it is sent and logged.
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u32>,
}

/// Code, words, details and fields, as the commands of `xunge-server` print them.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} / {}",
            self.code.as_str(),
            self.code.zh(),
            self.code.en()
        )?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        for error in &self.errors {
            write!(f, "; {}: {} / {}", error.at, error.zh, error.en)?;
        }
        Ok(())
    }
}

impl Failure {
    /// A refusal without details.
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
    pub fn internal(what: impl fmt::Display) -> Self {
        Self::Internal(what.to_string())
    }
    /// The code of a refusal; `None` for other failures.
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::Store(_) | Self::Internal(_) => None,
        }
    }
    /// The kind of the failure.
    pub fn kind(&self) -> FailureClass {
        match self {
            Self::Refused(_) | Self::Store(StoreError::NotFound | StoreError::Unportable { .. }) => {
                FailureClass::Refused
            }
            Self::Store(error) if error.is_temporary() => FailureClass::Temporary,
            Self::Store(_) | Self::Internal(_) => FailureClass::Defect,
        }
    }
    /// The code that the client gets. Unlike [`Failure::code`], every failure has one.
    pub fn public_code(&self) -> ProblemCode {
        match self {
            Self::Refused(refusal) => refusal.code,
            Self::Store(StoreError::NotFound) => ProblemCode::NotFound,
            // Text with a NUL character from the body or query of the request.
            Self::Store(StoreError::Unportable { .. }) => ProblemCode::Invalid,
            Self::Store(error) if error.is_full() => ProblemCode::Full,
            Self::Store(StoreError::Closed) => ProblemCode::Stopping,
            Self::Store(error) if error.is_temporary() => ProblemCode::Busy,
            Self::Store(_) | Self::Internal(_) => ProblemCode::Internal,
        }
    }
    /// The details that the client gets, without personal data; may be empty.
    pub fn public_text(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.detail,
            Self::Store(StoreError::Unportable { why, .. }) => why,
            Self::Store(_) | Self::Internal(_) => "",
        }
    }
    /// All details, for the log only: the text of a database engine may quote personal data.
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
    /// Seconds until the client should retry, if known.
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Store(StoreError::NotFound | StoreError::Unportable { .. }) => None,
            Self::Store(error) if error.is_full() => Some(60),
            Self::Store(error) if error.is_temporary() => Some(5),
            Self::Store(_) | Self::Internal(_) => None,
        }
    }
    /// Returns true if the same operation may succeed later without a change.
    pub fn retryable(&self) -> bool {
        matches!(self.public_code().recovery(), Recovery::Retry)
    }
}

/// `request.invalid` for one field; see [`field_error`].
pub(crate) fn invalid(at: impl Into<String>, zh: impl Into<String>, en: impl Into<String>) -> Failure {
    Failure::fields(ProblemCode::Invalid, vec![field_error(at, zh, en)])
}

/// For what the body names: something that does not exist is a wrong field, not a missing page, because the thing in the
/// path may well exist.
pub(crate) fn named<E: Into<Failure>>(at: &'static str) -> impl Fn(E) -> Failure {
    move |error| match error.into() {
        Failure::Store(StoreError::NotFound) => invalid(
            at,
            "没有这个内容，请重新选择",
            "this does not exist; choose another one",
        ),
        other => other,
    }
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
    /// For data that the server wrote itself. The extractors read request bodies and make `request.invalid` of errors.
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_prints_code_words_details_and_every_field() {
        let refused = Failure::fields(
            ProblemCode::Invalid,
            vec![FieldError {
                at: "/account".into(),
                zh: "账号名太常见".into(),
                en: "the account name is too common".into(),
            }],
        );
        let said = refused.to_string();
        for part in [
            "request.invalid",
            "/account",
            "账号名太常见",
            "the account name is too common",
        ] {
            assert!(said.contains(part), "{said}");
        }
        let said = Failure::because(ProblemCode::CaseGuard, "no opinion").to_string();
        assert!(
            said.contains("case.guard") && said.ends_with("(no opinion)"),
            "{said}"
        );
    }

    #[test]
    fn every_failure_says_outside_what_it_is_and_nothing_secret() {
        let refused = Failure::because(ProblemCode::CaseGuard, "no opinion");
        assert_eq!(
            (refused.kind(), refused.retryable()),
            (FailureClass::Refused, false)
        );
        assert_eq!(refused.public_text(), "no opinion");
        let busy = Failure::from(StoreError::Busy);
        assert_eq!((busy.kind(), busy.retryable()), (FailureClass::Temporary, true));
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
            (FailureClass::Defect, ProblemCode::Internal)
        );
        assert_eq!(defect.public_text(), "");
        assert!(defect.internal_text().contains("张三"));
        let absent = Failure::from(StoreError::NotFound);
        assert_eq!(
            (absent.kind(), absent.public_code()),
            (FailureClass::Refused, ProblemCode::NotFound)
        );
        assert!(!absent.retryable());
    }
}
