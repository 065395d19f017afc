//! Parcels: sealed entries of handsets that may not push any more or had no network.
//!
//! The parcel's signature proves who sealed it, whoever delivers it. A revoked stream may hand over parcels and nothing
//! else. Entries go into the same custody as pushed ones; those of a revoked stream wait in the review queue, those of an
//! active stream are applied. Drafts and refused entries are stored as bytes.

use super::{
    parcel_arrival::{self, Arrived},
    parcel_sender::{certified, malformed, sender},
    parcel_store::{self, Work},
};
use crate::{
    app::{object_name::ObjectName, rate::RateCaller, state::App},
    http::body::Json,
    kernel::{clock::timer, failure::Failure},
    photos::checks,
    terminals::parcel_keys,
};
use axum::{
    body::Bytes,
    extract::{Request, State},
};
use protocol::{
    ids::StreamId,
    parcel::{Parcel, ParcelAnswer, SealedPhoto, Unsealed},
    photo::Sha256,
    problem::{Problem, ProblemCode},
};
use std::time::Duration;
use tokio::sync::Semaphore;

pub use super::parcel_sender::ParcelSource;

/// Parcels that are decrypted and stored at the same time: each is in memory several times, and may be as large as the
/// largest photo. A parcel that still arrives takes no place.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
/// How long a parcel that has arrived waits for its place.
const WAIT: Duration = Duration::from_secs(60);
/// What an item of a parcel costs beside its bytes, for the limit of a day: a row, and a synced file for a photo.
const ITEM_COST: u64 = 4096;

/// Accepts a sealed parcel from any stream that was ever enrolled, including revoked ones.
///
/// The answer names what was stored durably; the handset may delete only that. If the same parcel is sent again, or
/// the same entries in another one, the answer contains the first receipts.
#[utoipa::path(
    post, path = "/v1/field/parcel", tag = "field",
    request_body(content_type = "application/octet-stream", content = String,
        description = "One sealed parcel (`protocol/src/parcel.rs`)"),
    responses(
        (status = 200, body = ParcelAnswer),
        (status = 401, body = Problem, description = "`auth.signature`"),
        (status = 404, body = Problem, description = "`stream.unknown`"),
        (status = 413, body = Problem, description = "`request.too_large`: nothing was taken"),
        (status = 422, body = Problem, description = "`parcel.malformed`, `parcel.key`"),
        (status = 503, body = Problem, description = "`server.busy`"),
    )
)]
pub(super) async fn hand_over(
    State(app): State<App>,
    request: Request,
) -> Result<Json<ParcelAnswer>, Failure> {
    let Arrived { bytes, _held } = parcel_arrival::receive(&app, request).await?;
    take(&app, bytes, ParcelSource::Network).await.map(Json)
}

/// Takes one parcel from the network or a file.
///
/// # Errors
/// `auth.signature`, `stream.unknown`, `parcel.malformed`, `parcel.key`, or the rate limit; nothing is stored then.
pub async fn take(app: &App, bytes: Bytes, source: ParcelSource) -> Result<ParcelAnswer, Failure> {
    let head = Parcel::read(&bytes).map_err(|bad| malformed(&bad))?.head;
    let (parts, asked) = (app.clone(), head.clone());
    let (key, secret) = app
        .read(move |tx| {
            let key = match sender(tx, asked.stream)? {
                Some(sender) => sender.key,
                None => certified(&parts, &asked)?.key,
            };
            Ok((key, parcel_keys::named(tx, &parts.identity.seal, &asked.key)?))
        })
        .await?;
    let secret = secret.ok_or_else(|| Failure::of(ProblemCode::ParcelKey))?;
    let _place = tokio::select! {
        place = AT_ONCE.acquire() => place.map_err(Failure::internal)?,
        () = timer(WAIT) => return Err(Failure::later(ProblemCode::Busy, 30)),
    };
    let (limits, sealed) = (checks::limits(app), bytes.clone());
    let opened = tokio::task::spawn_blocking(move || {
        let parcel = Parcel::read(&sealed).map_err(|bad| malformed(&bad))?;
        parcel
            .verify(&key)
            .map_err(|_| Failure::of(ProblemCode::Signature))?;
        let signature = parcel.signature().to_string();
        let Unsealed { contents, photos } = parcel.open(&secret).map_err(|bad| malformed(&bad))?;
        let examined: Vec<Examined> = photos
            .into_iter()
            .map(|(photo, bytes)| Examined {
                photo,
                fault: media::inspect(&bytes, &limits)
                    .err()
                    .map(|e| checks::not_a_photo(&e)),
                bytes: bytes.into(),
            })
            .collect();
        Ok::<_, Failure>((signature, contents, examined))
    })
    .await
    .map_err(Failure::internal)??;
    let (signature, contents, examined) = opened;
    let (now, most) = (app.clock.now(), app.settings.field_requests_per_minute);
    app.rate.count(RateCaller::Stream(head.stream), now, most)?;
    if source == ParcelSource::Network {
        let items = contents.entries.len() + contents.drafts.len() + contents.photos.len();
        let cost = bytes.len() as u64 + ITEM_COST.saturating_mul(items as u64);
        let most = u64::from(app.settings.parcel_mb_per_day) * 1024 * 1024;
        app.rate.spend(head.stream, now, cost, most)?;
    }
    // Store the bytes first: a receipt promises that they are durable.
    for photo in &examined {
        app.blobs
            .put_durable(&photo.name(head.stream), photo.bytes.clone())
            .await?;
    }
    let photos = examined.iter().map(|e| (e.photo, e.code())).collect();
    let sha256 = Sha256::of(&bytes);
    let work = Work::new((head, sha256, signature), contents, photos, source);
    let answer = parcel_store::store(app, work).await?;
    metrics::counter!("xunge_parcels_taken_total").increment(1);
    Ok(answer)
}

/// A photo of a parcel and the result of its inspection. Bytes that are no picture are stored as well: they cannot be
/// sent again after the handset has deleted them.
struct Examined {
    photo: SealedPhoto,
    fault: Option<Failure>,
    bytes: Bytes,
}

impl Examined {
    fn name(&self, stream: StreamId) -> ObjectName {
        let sha256 = self.photo.sha256;
        match self.fault {
            None => ObjectName::Photo { stream, sha256 },
            Some(_) => ObjectName::ParcelFile { stream, sha256 },
        }
    }
    fn code(&self) -> Option<ProblemCode> {
        let fault = self.fault.as_ref()?;
        Some(fault.code().unwrap_or(ProblemCode::PhotoNotImage))
    }
}
