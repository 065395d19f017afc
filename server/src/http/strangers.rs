//! Requests of callers who are not signed in: counted for their address and for what they ask for.
//!
//! Many honest handsets share the address of a mobile network with whoever else is there. When strangers have used up the
//! count of such an address, a stream that is enrolled still gets its token and hands over its parcels, within a count of
//! its own; and a token that was good once is still looked up.

use super::{client, limits};
use crate::{
    app::{
        rate::{Door, RateCaller},
        state::App,
    },
    auth::field_tokens,
    kernel::failure::Failure,
};
use axum::{body::Body, extract::Request, http::Method, middleware::Next, response::Response};
use protocol::{ids::StreamId, problem::ProblemCode};
use serde::Deserialize;
use std::sync::Arc;

/// Extension of a parcel from an address whose count is used up: only an enrolled stream may hand it over.
#[derive(Clone, Copy)]
pub(crate) struct FloodedAddress;

/// The part of a request for a challenge or a token that names the stream.
#[derive(Deserialize)]
struct NamedStream {
    stream: StreamId,
}

/// Under which a request is counted; `None` inside the process.
pub(super) fn counted(app: &App, request: &Request, door: Door) -> Option<RateCaller> {
    let proxies = &app.settings.trusted_proxies;
    let address = client::address(request.headers(), request.extensions(), proxies)?;
    Some(RateCaller::Stranger(client::network_of(address), door))
}

fn door(request: &Request) -> Door {
    if request.method() != Method::POST {
        return Door::Other;
    }
    match request.uri().path() {
        "/v1/session" => Door::SignIn,
        "/v1/field/enrol" => Door::Enrol,
        "/v1/field/challenge" => Door::Challenge,
        "/v1/field/token" => Door::Token,
        limits::PARCEL => Door::Parcel,
        _ => Door::Other,
    }
}

/// A request to an open route. Those that sign somebody in are not counted for the address.
pub(super) async fn open(app: &App, request: Request, next: Next) -> Result<Response, Failure> {
    let settings = &app.settings;
    let door = door(&request);
    let stranger = counted(app, &request, door);
    let (now, most) = (app.clock.now(), settings.stranger_requests_per_minute);
    let flooded = stranger.and_then(|stranger| app.rate.count(stranger, now, most).err());
    if let Some(late) = flooded {
        if ![Door::Challenge, Door::Token, Door::Parcel].contains(&door) {
            return Err(late);
        }
        return returning(app, request, door, late, next).await;
    }
    let claim = Arc::new(app.bounds.stranger(settings.stranger_body_memory_mb));
    let request = limits::stranger(request, Arc::clone(&claim)).await?;
    let response = next.run(request).await;
    if response.status().is_success() {
        match (stranger, door) {
            (Some(stranger), Door::SignIn | Door::Enrol | Door::Parcel) => app.rate.refund(stranger),
            (Some(RateCaller::Stranger(network, _)), Door::Token) => {
                // With the request for its challenge.
                for door in [Door::Challenge, Door::Token] {
                    app.rate.refund(RateCaller::Stranger(network, door));
                }
            }
            _ => {}
        }
    }
    Ok(response)
}

/// A request from an address whose count is used up.
async fn returning(
    app: &App,
    request: Request,
    door: Door,
    late: Failure,
    next: Next,
) -> Result<Response, Failure> {
    let claim = Arc::new(app.bounds.stranger(app.settings.stranger_body_memory_mb));
    let mut request = limits::stranger(request, Arc::clone(&claim)).await?;
    if door == Door::Parcel {
        // Its handler reads the head first.
        request.extensions_mut().insert(FloodedAddress);
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    let bytes = limits::read(body).await?;
    let Ok(NamedStream { stream }) = serde_json::from_slice(&bytes) else {
        return Err(late);
    };
    known_stream(app, stream).await?;
    Ok(next.run(Request::from_parts(parts, Body::from(bytes))).await)
}

/// Lets an enrolled stream through that comes from a flooded address.
///
/// # Errors
/// `request.rate` for every other stream, and for one that asks too often.
pub(crate) async fn known_stream(app: &App, stream: StreamId) -> Result<(), Failure> {
    let now = app.clock.now();
    if !field_tokens::is_enrolled(app, stream).await? {
        return Err(Failure::later(ProblemCode::RateLimited, 60));
    }
    let most = app.settings.returning_requests_per_minute;
    app.rate.count(RateCaller::Returning(stream), now, most)
}

/// The caller whom `find` finds by the token. Tokens that nobody has are counted for the address; when its count is used
/// up, only tokens that were good once are looked up.
///
/// # Errors
/// `request.rate`, and those of `find`.
pub(super) async fn identified<T>(
    app: &App,
    address: Option<RateCaller>,
    token: &str,
    find: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let (now, most) = (app.clock.now(), app.settings.stranger_requests_per_minute);
    if let Some(address) = address
        && let Err(late) = app.rate.look(address, now, most)
        && !app.known.token(token)
    {
        return Err(late);
    }
    let found = find.await;
    match (&found, address) {
        (Ok(_), _) => app.known.has_token(token),
        (Err(failure), Some(address)) if failure.public_code() == ProblemCode::TokenExpired => {
            // The answer says what is wrong with the token; the next one is refused before it is looked up.
            let _ = app.rate.count(address, now, most);
        }
        (Err(_), _) => {}
    }
    found
}
