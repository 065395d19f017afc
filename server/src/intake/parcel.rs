//! Parcels: sealed entries of handsets that may not push any more or had no network.
//!
//! The parcel's signature proves who sealed it, whoever delivers it. A revoked stream may hand over parcels and nothing
//! else. Entries go into the same custody as pushed ones; those of a revoked stream wait in the review queue, those of an
//! active stream are applied. Drafts and refused entries are stored as bytes.

use super::{
    custody::{self, Batch, Element, Sealed, StoredBatch},
    reasons,
};
use crate::{
    app::{audit, ctx::Ctx, identity, object_name::ObjectName, rate::Caller, state::App},
    auth::field_tokens,
    http::body::Json,
    kernel::failure::Failure,
    params,
    photos::{checks, receipts},
    store::{error::StoreError, tx::Tx},
    terminals::{parcel_keys, streams, tokens},
};
use axum::{
    body::Bytes,
    extract::{FromRequest as _, Request, State},
};
use protocol::{
    entry::Receipt,
    field::PhotoReceipt,
    ids::{EventId, PersonId, PostId, StreamId},
    open::Open,
    parcel::{BadParcel, Head, Parcel, ParcelAnswer, SealedPhoto, Unsealed},
    photo::Sha256,
    problem::{Problem, ProblemCode},
    push::StreamMark,
    sabotage::{self, Defect},
    sign::PublicKey,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Parcels in memory at the same time: each may be as large as the largest photo.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// How a parcel reached the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Carrier)]
pub enum ParcelSource {
    Network,
    File,
}

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
    let _room = AT_ONCE
        .try_acquire()
        .map_err(|_| Failure::later(ProblemCode::Busy, 5))?;
    let bytes = Bytes::from_request(request, &())
        .await
        .map_err(|rejection| super::push::too_large(&rejection))?;
    take(&app, bytes, ParcelSource::Network).await.map(Json)
}

/// Who sealed a parcel.
struct Sender {
    person: PersonId,
    post: PostId,
    key: PublicKey,
    has_ended: bool,
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
    let most = app.settings.field_requests_per_minute;
    app.rate.count(Caller::Stream(head.stream), app.clock.now(), most)?;
    // Store the bytes first: a receipt promises that they are durable.
    for photo in &examined {
        app.blobs
            .put_durable(&photo.name(head.stream), photo.bytes.clone())
            .await?;
    }
    let elements = contents
        .entries
        .iter()
        .map(|raw| Element::of(raw.get().as_bytes()))
        .collect();
    let work = Arc::new(Work {
        head,
        sha256: Sha256::of(&bytes),
        signature,
        elements: Arc::new(elements),
        photos: examined.iter().map(|e| (e.photo, e.code())).collect(),
        contents,
        source,
    });
    let parts = app.clone();
    let taken = Arc::clone(&work);
    let answer = match app.write(move |tx, ctx| record(tx, ctx, &parts, &work)).await {
        Err(_) if sabotage::is(Defect::ParcelReceiptBeforeCommit) => unstored_answer(app, &taken),
        recorded => recorded?,
    };
    metrics::counter!("xunge_parcels_taken_total").increment(1);
    Ok(answer)
}

fn malformed(bad: &BadParcel) -> Failure {
    match bad {
        BadParcel::Signature(_) => Failure::of(ProblemCode::Signature),
        BadParcel::Unknown | BadParcel::Length | BadParcel::Malformed(_) | BadParcel::Sealed => {
            Failure::because(ProblemCode::ParcelMalformed, bad.to_string())
        }
    }
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

fn sender(tx: &mut Tx<'_>, stream: StreamId) -> Result<Option<Sender>, StoreError> {
    tx.opt(
        "SELECT s.person, s.post, s.public_key, s.revoked, s.wipe_ordered, p.disabled FROM stream s
         JOIN person p ON p.id = s.person WHERE s.id = ?1",
        params![stream.to_string()],
        |row| {
            Ok(Sender {
                person: row.parse("person")?,
                post: row.parse("post")?,
                key: row.parse("public_key")?,
                has_ended: field_tokens::end_of(row)?.is_some(),
            })
        },
    )
}

/// The certificate in the head.
///
/// # Errors
/// `stream.unknown` unless this deployment signed it for this stream.
fn certified(app: &App, head: &Head) -> Result<protocol::field::Certificate, Failure> {
    tokens::ours(app, &head.certificate)
        .filter(|certificate| certificate.stream == head.stream)
        .ok_or_else(|| Failure::of(ProblemCode::StreamUnknown))
}

/// An opened parcel, ready to be stored.
pub(super) struct Work {
    head: Head,
    pub sha256: Sha256,
    signature: String,
    pub contents: protocol::parcel::Contents,
    pub elements: Arc<Vec<Element>>,
    pub photos: Vec<(SealedPhoto, Option<ProblemCode>)>,
    source: ParcelSource,
}

impl Work {
    fn holds_nothing(&self) -> bool {
        let contents = &self.contents;
        contents.entries.is_empty()
            && contents.drafts.is_empty()
            && contents.photos.is_empty()
            && contents.missing.is_empty()
    }
}

fn record(tx: &mut Tx<'_>, ctx: &mut Ctx, app: &App, work: &Work) -> Result<ParcelAnswer, Failure> {
    let stream = work.head.stream;
    let sender = match sender(tx, stream)? {
        Some(sender) => sender,
        None => {
            let certificate = certified(app, &work.head)?;
            tokens::readmit(tx, ctx, &certificate, &work.head.certificate)?;
            sender(tx, stream)?.ok_or_else(|| Failure::internal("a stream that was just taken back"))?
        }
    };
    // A parcel that only asks for the mark gets no row, so that staff do not see it.
    let parcel = if work.contents.left > 0 && work.holds_nothing() {
        ctx.event_id()
    } else {
        note(tx, ctx, work)?
    };
    let batch = Batch {
        stream,
        person: sender.person,
        post: sender.post,
        sent: work.contents.clock.clone(),
        body_sha256: work.sha256,
        token_sha256: Sha256::of(b""),
        signature: work.signature.clone(),
        elements: Arc::clone(&work.elements),
        sealed: Some(Sealed {
            parcel,
            review: sender.has_ended.then(reasons::sealed),
        }),
    };
    let StoredBatch {
        receipts,
        refused,
        mark,
        ..
    } = custody::take(tx, ctx, app, &batch)?;
    let mut kept = Vec::new();
    for refused in refused {
        if let Some(raw) = work.contents.entries.get(refused.index) {
            let bytes = raw.get().as_bytes();
            keep(tx, (stream, parcel), "entry", &refused.code, bytes)?;
            kept.push(Sha256::of(bytes));
        }
    }
    for draft in &work.contents.drafts {
        keep(tx, (stream, parcel), "draft", &draft.kind, draft.json.as_bytes())?;
        kept.push(draft.sha256());
    }
    let mut photos = Vec::new();
    for (photo, fault) in &work.photos {
        photos.push(receipts::hold(tx, ctx, stream, *photo, *fault)?);
    }
    for missing in &work.contents.missing {
        let code: String = missing
            .code
            .chars()
            .filter(|c| !c.is_control())
            .take(64)
            .collect();
        receipts::missing(tx, stream, missing.sha256, &code)?;
    }
    let last = work.contents.left == 0 && sender.has_ended;
    streams::handed_over(tx, stream, ctx.now, last)?;
    Ok(ParcelAnswer {
        epoch: identity::epoch(tx)?,
        server_time: ctx.now,
        parcel: work.sha256,
        receipts,
        kept,
        photos,
        mark,
    })
}

/// Inserts the parcel's row, or finds that of the same parcel, and returns its id.
fn note(tx: &mut Tx<'_>, ctx: &mut Ctx, work: &Work) -> Result<EventId, Failure> {
    let stream = work.head.stream.to_string();
    let before = tx.opt(
        "SELECT id FROM parcel WHERE stream = ?1 AND sha256 = ?2",
        params![&stream, work.sha256.to_string()],
        |row| row.parse("id"),
    )?;
    if let Some(id) = before {
        return Ok(id);
    }
    let id = ctx.event_id();
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let sealed_for = match &work.contents.sealed_for {
        Open::Known(why) => why.as_str(),
        Open::Other(_) => "other",
    };
    tx.execute(
        "INSERT INTO parcel (id, stream, sha256, key_id, sealed_for, sealed_at, received, carried_by, remaining,
                             entries, drafts, photos)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            id.to_string(),
            &stream,
            work.sha256.to_string(),
            &work.head.key,
            sealed_for,
            work.contents.clock.estimate().0,
            ctx.now.0,
            match work.source {
                ParcelSource::Network => "network",
                ParcelSource::File => "file",
            },
            i64::try_from(work.contents.left).unwrap_or(i64::MAX),
            count(work.contents.entries.len()),
            count(work.contents.drafts.len()),
            count(work.contents.photos.len())
        ],
    )?;
    let detail = format!("{sealed_for} {}", work.sha256);
    audit::note(tx, ctx, None, "parcel.take", &format!("stream:{stream}"), &detail)?;
    Ok(id)
}

fn keep(
    tx: &mut Tx<'_>,
    (stream, parcel): (StreamId, EventId),
    kind: &str,
    code: &str,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let code: String = code.chars().filter(|c| !c.is_control()).take(64).collect();
    tx.execute(
        "INSERT INTO parcel_item (stream, sha256, parcel, kind, code, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (stream, sha256) DO NOTHING",
        params![
            stream.to_string(),
            Sha256::of(bytes).to_string(),
            parcel.to_string(),
            kind,
            code,
            bytes
        ],
    )?;
    Ok(())
}

/// [`Defect::ParcelReceiptBeforeCommit`]: the answer of a parcel that was not stored.
fn unstored_answer(app: &App, work: &Work) -> ParcelAnswer {
    let now = app.clock.now();
    let receipt = |element: &Element| match element {
        Element::Framed { reading, sha256, .. } => Some(Receipt {
            id: reading.id,
            n: reading.n,
            sha256: *sha256,
            received: now,
        }),
        Element::Refused { .. } => None,
    };
    let photo = |(photo, _): &(SealedPhoto, Option<ProblemCode>)| PhotoReceipt {
        sha256: photo.sha256,
        size: photo.size,
        received: now,
    };
    ParcelAnswer {
        epoch: app.identity.epoch.clone(),
        server_time: now,
        parcel: work.sha256,
        receipts: work.elements.iter().filter_map(receipt).collect(),
        kept: work.contents.drafts.iter().map(|draft| draft.sha256()).collect(),
        photos: work.photos.iter().map(photo).collect(),
        mark: StreamMark::default(),
    }
}
