//! `POST /v1/field/push`.

use super::custody::{self, Batch, Element};
use crate::{
    app::{bounds::Claim, identity, rate::RateCaller, state::App},
    auth::actor::FieldStream,
    duty::presence,
    http::{body::unreadable, coding, limits::BodyFault},
    kernel::failure::Failure,
};
use axum::{
    Extension,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use protocol::{
    boot_time::Exchange,
    coding::Words,
    evidence::ClockReading,
    photo::Sha256,
    problem::{Problem, ProblemCode},
    push::{BRIEF, Envelope, MAX_BATCH, MAX_PUSH_BYTES, PushAnswer},
    sign::{SIGNATURE_HEADER, Signature, push_message},
};
use std::sync::Arc;

/// Takes a batch of entries into custody.
///
/// Every entry with a readable frame is stored and gets a receipt, whatever its content; its disposition comes
/// through the mailbox. An entry that is sent again gets the same receipt. The body is signed with the stream's key
/// together with the token in use. `Content-Encoding: xunge-1` (zlib with a shared dictionary) is supported; the
/// answer uses it if the request accepts it. Signature and hash cover the uncompressed bytes.
#[utoipa::path(
    post, path = "/v1/field/push", tag = "field",
    params(
        ("xunge-signature" = String, Header, description = "Signature of the hashes of token and body"),
        ("prefer" = Option<String>, Header, description = "`return=minimal`: if every entry was taken, the answer has \
            `taken` and no receipts"),
    ),
    request_body = Envelope,
    responses(
        (status = 200, body = PushAnswer),
        (status = 400, body = Problem, description = "`request.malformed`"),
        (status = 401, body = Problem, description = "`auth.required`, `auth.token`, `auth.signature`"),
        (status = 403, body = Problem, description = "`push.stream`, `stream.revoked`"),
        (status = 413, body = Problem, description = "`push.too_many`, `request.too_large`: nothing was taken"),
        (status = 415, body = Problem, description = "`request.media_type`: unknown content coding or dictionary"),
    )
)]
pub(super) async fn push(
    State(app): State<App>,
    field: FieldStream,
    Extension(claim): Extension<Arc<Claim>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failure> {
    let body = body.map_err(|rejection| too_large(&rejection))?;
    let words = Words::of(field.stream, field.person, field.post);
    let arrived = body.len();
    let (sender, stated, reading) = (field.clone(), headers.clone(), words.clone());
    // The handler keeps its claim until the entries are stored.
    let unpacked = Arc::clone(&claim);
    let work = move || Understood::of(&sender, &stated, body, &reading, &unpacked);
    let understood = if arrived > QUICK {
        tokio::task::spawn_blocking(work)
            .await
            .map_err(Failure::internal)?
    } else {
        work()
    }?;
    let kilobytes = u32::try_from(understood.bytes / 1000).unwrap_or(u32::MAX).max(1);
    let (caller, most) = (RateCaller::Pushed(field.stream), app.settings.push_kb_per_minute);
    app.rate.count_many(caller, kilobytes, app.clock.now(), most)?;
    let (count, body_sha256) = (understood.elements.len(), understood.body_sha256);
    let batch = Batch {
        stream: field.stream,
        person: field.person,
        post: field.post,
        sent: understood.sent,
        exchange: understood.exchange,
        arrival: app.clock.now(),
        body_sha256,
        token_sha256: Sha256::of(field.token.as_bytes()),
        signature: understood.signature.to_string(),
        elements: Arc::new(understood.elements),
        sealed: None,
    };
    let (parts, person) = (app.clone(), field.person);
    let (custody, epoch) = app
        .write(move |tx, ctx| {
            // A failure in another room must not prevent custody.
            if let Err(failure) = parts.attempt(tx, ctx, |tx, ctx| presence::contact(tx, ctx, person)) {
                tracing::error!(%failure, "storing the last contact failed");
            }
            Ok((custody::take(tx, ctx, &parts, &batch)?, identity::epoch(tx)?))
        })
        .await?;
    metrics::counter!("xunge_entries_taken_total").increment(custody.new as u64);
    metrics::counter!("xunge_entries_refused_total").increment(custody.refused.len() as u64);
    let mut answer = PushAnswer {
        epoch,
        server_time: app.clock.now(),
        body_sha256,
        receipts: custody.receipts,
        refused: custody.refused,
        mark: custody.mark,
        taken: None,
    };
    if asks_for_brief(&headers) {
        shorten(&mut answer, count);
    }
    coding::answer(&headers, &answer, &words.answering(body_sha256))
}

/// Bytes of a body that is read where it arrives. What is larger, or unpacks to much more, takes milliseconds, in which the
/// thread would answer nobody.
const QUICK: usize = 4096;

/// What a push says, once its signature was found good.
struct Understood {
    /// Of the unpacked body.
    bytes: usize,
    sent: ClockReading,
    exchange: Option<Exchange>,
    elements: Vec<Element>,
    body_sha256: Sha256,
    signature: Signature,
}

impl Understood {
    fn of(
        field: &FieldStream,
        headers: &HeaderMap,
        body: Bytes,
        words: &Words,
        claim: &Claim,
    ) -> Result<Self, Failure> {
        let packed = body.len();
        let body = coding::unpack(headers, body, words, MAX_PUSH_BYTES)?;
        claim.take(body.len().saturating_sub(packed))?;
        let signature = check_signature(field, headers, &body)?;
        let envelope = read(&body)?;
        if envelope.stream != field.stream {
            return Err(Failure::of(ProblemCode::WrongStream));
        }
        if envelope.entries.len() > MAX_BATCH {
            let detail = format!("{} entries, at most {MAX_BATCH}", envelope.entries.len());
            return Err(Failure::because(ProblemCode::TooMany, detail));
        }
        let entries = envelope.entries.iter();
        Ok(Self {
            bytes: body.len(),
            sent: envelope.clock,
            exchange: envelope.exchange,
            elements: entries.map(|raw| Element::of(raw.get().as_bytes())).collect(),
            body_sha256: Sha256::of(&body),
            signature,
        })
    }
}

fn asks_for_brief(headers: &HeaderMap) -> bool {
    let (name, wanted) = BRIEF;
    let stated = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut preferences = stated.flat_map(|text| text.split(','));
    preferences.any(|one| one.trim().eq_ignore_ascii_case(wanted))
}

/// Replaces the receipts by one time if all `count` entries were accepted with the same time.
fn shorten(answer: &mut PushAnswer, count: usize) {
    let Some(first) = answer.receipts.first().map(|receipt| receipt.received) else {
        return;
    };
    let all = answer.refused.is_empty() && answer.receipts.len() == count;
    if all && answer.receipts.iter().all(|receipt| receipt.received == first) {
        answer.receipts.clear();
        answer.taken = Some(first);
    }
}

pub(super) fn too_large(rejection: &BytesRejection) -> Failure {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Failure::of(ProblemCode::TooLarge)
    } else if let Some(fault) = BodyFault::among(rejection) {
        fault.into()
    } else {
        Failure::because(ProblemCode::BadRequest, "the body did not arrive whole")
    }
}

fn check_signature(field: &FieldStream, headers: &HeaderMap, body: &[u8]) -> Result<Signature, Failure> {
    let wrong = || Failure::of(ProblemCode::Signature);
    let signature: Signature = headers
        .get(SIGNATURE_HEADER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .ok_or_else(wrong)?;
    let message = push_message(&field.token, body);
    field
        .certificate
        .key
        .verify(&message, &signature)
        .map_err(|_| wrong())?;
    Ok(signature)
}

fn read(body: &[u8]) -> Result<Envelope, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            unreadable("/", error.to_string())
        } else {
            Failure::because(ProblemCode::BadRequest, error.to_string())
        }
    })
}
