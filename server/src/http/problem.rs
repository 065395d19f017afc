//! Error answers: RFC 9457 bodies.

use crate::{kernel::failure::Failure, store::error::StoreError};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::problem::{Problem, ProblemCode};

/// The problem as an answer; the outermost layer ([`crate::service::router`]) adds the request id.
pub fn response(problem: Problem, retry_after_s: Option<u32>) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response.extensions_mut().insert(Answered(problem));
    response
}

/// The public part of a failure, and the seconds that the client should wait.
pub fn of_failure(failure: &Failure) -> (Problem, Option<u32>) {
    let mut problem = Problem::new(failure.public_code());
    failure.public_text().clone_into(&mut problem.detail);
    problem.errors = failure.fields_concerned().to_vec();
    (problem, failure.retry_after_s())
}

/// Extension of an error answer, so that the outermost layer can log its code and add the request id.
#[derive(Debug, Clone)]
pub struct Answered(pub Problem);

/// The answer for a code without details.
pub fn of(code: ProblemCode) -> Response {
    response(Problem::new(code), None)
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match &self {
            Self::Refused(_) => {}
            // An error of the client: it named a missing thing or sent text that no database stores.
            Self::Store(StoreError::NotFound | StoreError::Unportable { .. }) => {}
            Self::Store(error) => {
                metrics::counter!("xunge_store_errors_total", "code" => error.code()).increment(1);
                tracing::error!(code = error.code(), detail = error.detail(), "store");
            }
            Self::Internal(what) => tracing::error!(%what, "internal"),
        }
        let (problem, retry_after) = of_failure(&self);
        response(problem, retry_after)
    }
}
