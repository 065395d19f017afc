//! The outer layer of every request: request id, log line, metrics. It turns every error into a problem, also a panic.
//!
//! A log line holds no personal data: method, matched route (never the path with its ids, never the query), status,
//! code, duration in ms, request id.

use super::{
    connection::{AnswerBody, OpenConnection},
    limits,
    operation::Held,
    problem::{self, Answered},
};
use crate::{app::state::App, kernel::clock::stopwatch};
use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Version, header},
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt as _;
use protocol::{
    ids::RequestId,
    problem::{Problem, ProblemCode},
};
use std::{panic::AssertUnwindSafe, sync::Arc};

/// Names the request in answers, problems and logs.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

fn request_id(app: &App) -> RequestId {
    let secret = app.secret();
    let mut ten = [0; 10];
    for (slot, byte) in ten.iter_mut().zip(secret) {
        *slot = byte;
    }
    RequestId::from_parts(u64::try_from(app.clock.now().0).unwrap_or(0), ten)
}

/// The outermost layer except compression.
pub(crate) async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = stopwatch();
    let id = request_id(&app);
    let method = request.method().clone();
    let is_http_1 = request.version() <= Version::HTTP_11;
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let connection = request.extensions().get::<Arc<OpenConnection>>();
    let under_way = connection.map(|connection| connection.begin());
    let mut request = limits::apply(&app, request);
    // The access checks before the handlers need it to find the caller.
    request.extensions_mut().insert(app.clone());
    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            tracing::error!(request_id = %id, what = panic_text(&*panic), "panic");
            problem::of(ProblemCode::Internal)
        }
    };
    let place = response
        .extensions_mut()
        .remove::<Held>()
        .and_then(|held| held.release());
    let (response, code) = finish(response, id);
    let mut response = response.map(|body| Body::new(AnswerBody::new(body, under_way, place)));
    let is_unread = matches!(
        response.status(),
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT
    );
    let headers = response.headers_mut();
    // The rest of the body is not read, so the connection ends; a client must not send its next request on it.
    if is_http_1 && is_unread {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    let (status, took) = (response.status().as_u16(), began.elapsed());
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if status < 500 {
        tracing::info!(%method, route, status, code, ms, request_id = %id, "request");
    } else {
        tracing::warn!(%method, route, status, code, ms, request_id = %id, "request");
    }
    metrics::counter!("xunge_requests_total", "method" => known(&method), "route" => route.clone(),
        "status" => status.to_string())
    .increment(1);
    metrics::histogram!("xunge_request_seconds", "route" => route).record(took.as_secs_f64());
    if !code.is_empty() {
        metrics::counter!("xunge_problems_total", "code" => code).increment(1);
    }
    response
}

/// The label of a method in the metrics. Unknown methods share one label, so that clients cannot create labels.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Adds the request id to a problem; converts other errors to problems.
fn finish(response: Response, id: RequestId) -> (Response, String) {
    let retry_after = response.headers().get(header::RETRY_AFTER).cloned();
    let status = response.status().as_u16();
    let answered = response.extensions().get::<Answered>().map(|a| a.0.clone());
    let mut stated = match answered.or_else(|| of_status(status)) {
        Some(stated) => stated,
        None => return (response, String::new()),
    };
    let code = stated.code.to_string();
    stated.request_id = Some(id);
    let fresh = problem::response(stated, None);
    let (kept, _) = response.into_parts();
    let (mut parts, body) = fresh.into_parts();
    // Keeps headers of the answer, such as Upload-Offset, and drops those that describe the old body.
    for (name, value) in &kept.headers {
        if ![
            header::CONTENT_TYPE,
            header::CONTENT_LENGTH,
            header::CONTENT_ENCODING,
        ]
        .contains(name)
            && !parts.headers.contains_key(name)
        {
            parts.headers.append(name, value.clone());
        }
    }
    if let Some(value) = retry_after {
        parts.headers.insert(header::RETRY_AFTER, value);
    }
    (Response::from_parts(parts, body), code)
}

/// The problem code for an error status of the framework.
fn of_status(status: u16) -> Option<Problem> {
    let code = match status {
        404 => ProblemCode::NotFound,
        405 => ProblemCode::MethodNotAllowed,
        413 => ProblemCode::TooLarge,
        415 => ProblemCode::UnsupportedMedia,
        422 => ProblemCode::Invalid,
        503 => ProblemCode::Busy,
        400..500 => ProblemCode::BadRequest,
        500.. => ProblemCode::Internal,
        _ => return None,
    };
    Some(Problem::new(code))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
