//! Extractors for bodies, paths and queries. Their errors are problems.

use super::limits::BodyFault;
use crate::kernel::failure::{Failure, invalid};
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use protocol::problem::ProblemCode;

/// `axum::Json` that answers with problems.
#[derive(axum::extract::FromRequest)]
#[from_request(via(axum::Json), rejection(Failure))]
pub struct Json<T>(pub T);

impl<T: serde::Serialize> axum::response::IntoResponse for Json<T> {
    fn into_response(self) -> axum::response::Response {
        axum::Json(self.0).into_response()
    }
}

/// The decompressed bytes of the body; errors are problems.
pub struct Bytes(pub axum::body::Bytes);

impl<S: Send + Sync> axum::extract::FromRequest<S> for Bytes {
    type Rejection = Failure;
    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Failure> {
        Ok(Self(axum::body::Bytes::from_request(request, state).await?))
    }
}

/// `axum::extract::Path` that answers with problems.
#[derive(axum::extract::FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Failure))]
pub struct Path<T>(pub T);

/// `axum::extract::Query` that answers with problems.
#[derive(axum::extract::FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Failure))]
pub struct Query<T>(pub T);

/// `request.invalid` for a part of the request that cannot be parsed; `at` names it, `text` is the error.
pub(crate) fn unreadable(at: &str, text: String) -> Failure {
    invalid(at, "填写有误", text)
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::JsonDataError(e) => unreadable("/", e.body_text()),
            JsonRejection::JsonSyntaxError(e) => Self::because(ProblemCode::BadRequest, e.body_text()),
            JsonRejection::MissingJsonContentType(_) => Self::of(ProblemCode::UnsupportedMedia),
            JsonRejection::BytesRejection(e) => e.into(),
            other => Self::because(ProblemCode::BadRequest, other.body_text()),
        }
    }
}
impl From<BytesRejection> for Failure {
    /// The body is too large or incomplete: a broken connection, a long pause, damaged compression.
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
            Self::of(ProblemCode::TooLarge)
        } else {
            BodyFault::among(&rejection).unwrap_or(BodyFault::Slow).into()
        }
    }
}
impl From<PathRejection> for Failure {
    fn from(_: PathRejection) -> Self {
        Self::of(ProblemCode::NotFound)
    }
}
impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        unreadable("?", rejection.body_text())
    }
}
