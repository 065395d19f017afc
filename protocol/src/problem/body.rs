//! The body of an error answer (RFC 9457).

use super::{any::ErrorCode, code::ProblemCode};
use crate::ids::RequestId;
use serde::{Deserialize, Serialize};

/// The body of an error answer, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:xunge:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened and what to do, in Chinese.
    pub title: String,
    pub title_en: String,
    pub status: u16,
    /// Stable code: one of [`ProblemCode`], or the code of a newer server.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: ErrorCode,
    /// Details of this occurrence, without personal data.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// Errors of single fields; for `request.invalid` and `case.guard`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// JSON pointer into the request body, or the name of a guard.
    pub at: String,
    pub zh: String,
    pub en: String,
}

impl Problem {
    pub fn new(code: ProblemCode) -> Self {
        Self {
            kind: format!("urn:xunge:problem:{}", code.as_str()),
            title: code.zh().into(),
            title_en: code.en().into(),
            status: code.status(),
            code: code.into(),
            detail: String::new(),
            request_id: None,
            errors: Vec::new(),
        }
    }
}
