//! The body of a parcel on its way in. Its head says who sealed it: until then it counts as a stranger's, afterwards it has
//! the memory and a place of its stream, so that strangers and other streams do not hold it up.
//!
//! The signature is over the whole parcel, so whoever knows a head can send others under it. Therefore a stream has a few
//! places, and each address gets only one of them.

use super::parcel_sender::{certified, malformed, sender};
use crate::{
    app::{
        bounds::{Claim, Place},
        rate::RateCaller,
        state::App,
    },
    http::{
        client::{self, network_of},
        connection::OpenConnection,
        limits::BodyFault,
        strangers::{FloodedAddress, known_stream},
    },
    kernel::failure::Failure,
};
use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::Request,
};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use protocol::{
    parcel::{BadParcel, Head, MAX_PARCEL_BYTES, PEEK_BYTES, peek},
    problem::ProblemCode,
};
use std::sync::Arc;

/// Parcels in the name of one stream that arrive at the same time, each from another address.
const ADDRESSES: u32 = 4;

/// A parcel whose bytes are all here.
pub(super) struct Arrived {
    pub bytes: Bytes,
    /// Memory and places, until the parcel is stored.
    pub _held: (Claim, Place, Option<Place>),
}

/// Reads the body of a request. Its signature is checked later, over all of it.
///
/// # Errors
/// `stream.unknown` after the head if this deployment does not know who sealed it; `parcel.malformed` as soon as the bytes
/// are no parcel; `request.too_large`, `request.timeout`, `server.busy`.
pub(super) async fn receive(app: &App, request: Request) -> Result<Arrived, Failure> {
    let connection = request.extensions().get::<Arc<OpenConnection>>().cloned();
    let address = client::address(
        request.headers(),
        request.extensions(),
        &app.settings.trusted_proxies,
    );
    let is_flooded = request.extensions().get::<FloodedAddress>().is_some();
    let (announced, body) = (length(&request), request.into_body());
    if announced.is_some_and(|length| length > MAX_PARCEL_BYTES) {
        return Err(Failure::of(ProblemCode::TooLarge));
    }
    let mut body = Body::into_data_stream(body);
    let mut arrived = BytesMut::new();
    let (head, total) = {
        let claim = app.bounds.stranger(app.settings.stranger_body_memory_mb);
        loop {
            if let Some(read) = peek(&arrived).map_err(|bad| malformed(&bad))? {
                break read;
            }
            let piece = next(&mut body)
                .await?
                .ok_or_else(|| malformed(&BadParcel::Length))?;
            claim.take(piece.len())?;
            arrived.extend_from_slice(&piece);
            if arrived.len() > PEEK_BYTES + MAX_PARCEL_BYTES {
                return Err(Failure::of(ProblemCode::TooLarge));
            }
        }
    };
    if is_flooded {
        known_stream(app, head.stream).await?;
    }
    known(app, &head).await?;
    if let Some(connection) = connection {
        connection.belongs_to(RateCaller::Parcels(head.stream));
    }
    let own = match address {
        Some(address) => {
            let caller = RateCaller::ParcelsFrom(head.stream, network_of(address));
            Some(app.bounds.place(caller, 1).await?)
        }
        None => None,
    };
    let place = app
        .bounds
        .place(RateCaller::Parcels(head.stream), ADDRESSES)
        .await?;
    let claim = app.bounds.known(&place, app.settings.body_memory_mb);
    claim.take(arrived.len())?;
    while let Some(piece) = next(&mut body).await? {
        if arrived.len().saturating_add(piece.len()) > total {
            return Err(malformed(&BadParcel::Length));
        }
        claim.take(piece.len())?;
        arrived.extend_from_slice(&piece);
    }
    Ok(Arrived {
        bytes: arrived.freeze(),
        _held: (claim, place, own),
    })
}

fn length(request: &Request) -> Option<usize> {
    let header = request.headers().get(axum::http::header::CONTENT_LENGTH)?;
    header.to_str().ok()?.parse().ok()
}

async fn next(body: &mut BodyDataStream) -> Result<Option<Bytes>, Failure> {
    match body.next().await {
        None => Ok(None),
        Some(Ok(piece)) => Ok(Some(piece)),
        Some(Err(error)) => Err(match BodyFault::among(&error) {
            Some(fault) => fault.into(),
            None => Failure::because(ProblemCode::BadRequest, "the body did not arrive whole"),
        }),
    }
}

/// Checks that the stream of the head is one of this deployment: by the certificate, which nobody else can make, or by its
/// row, if the keys were replaced since.
async fn known(app: &App, head: &Head) -> Result<(), Failure> {
    let Err(unknown) = certified(app, head) else {
        return Ok(());
    };
    let stream = head.stream;
    let is_there = app.read(move |tx| Ok(sender(tx, stream)?.is_some())).await?;
    is_there.then_some(()).ok_or(unknown)
}
