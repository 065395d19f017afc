//! The one error of domain code and its one conversion to what a client sees.
//!
//! Inside, an error carries all that a developer wants; outside goes a [`Problem`] with a stable code and no
//! personal data. [`Failure::problem`] is exhaustive, so a new kind of error has to say what it is outside.

use crate::store::error::StoreError;
use protocol::problem::{FieldError, Problem, ProblemCode};

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
    /// What the client sees, and for how many seconds it should wait.
    pub fn problem(&self) -> (Problem, Option<u32>) {
        match self {
            Self::Refused(refusal) => {
                let mut problem = Problem::new(refusal.code);
                problem.detail.clone_from(&refusal.detail);
                problem.errors.clone_from(&refusal.errors);
                (problem, refusal.retry_after)
            }
            Self::Store(StoreError::NotFound) => (Problem::new(ProblemCode::NotFound), None),
            // Text with a NUL character, out of the request's own body or query.
            Self::Store(StoreError::Unportable { why, .. }) => {
                let mut problem = Problem::new(ProblemCode::Invalid);
                problem.detail = (*why).to_owned();
                (problem, None)
            }
            Self::Store(StoreError::Full) => (Problem::new(ProblemCode::Full), Some(60)),
            Self::Store(StoreError::Closed) => (Problem::new(ProblemCode::Stopping), Some(5)),
            Self::Store(error) if error.is_temporary() => (Problem::new(ProblemCode::Busy), Some(5)),
            Self::Store(_) | Self::Internal(_) => (Problem::new(ProblemCode::Internal), None),
        }
    }
}

/// `request.invalid` for one field.
pub(crate) fn invalid(at: &str, zh: &str, en: &str) -> Failure {
    let error = FieldError {
        at: at.into(),
        zh: zh.into(),
        en: en.into(),
    };
    Failure::fields(ProblemCode::Invalid, vec![error])
}

/// The error of one field: JSON pointer, then the reason in Chinese and in English.
pub(crate) fn wrong(at: &str, zh: &str, en: &str) -> FieldError {
    FieldError {
        at: at.to_owned(),
        zh: zh.to_owned(),
        en: en.to_owned(),
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
