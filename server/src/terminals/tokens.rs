//! Authentication of a stream: it signs a challenge and gets a token that is valid for minutes.
//!
//! The server stores no challenges: a challenge contains its time of issue and a MAC for one stream
//! ([`Identity::mac_key`]), so that any replica accepts the answer. The token is derived from the challenge: a repeated
//! answer (the first response was lost) gives the same token with the same expiry.
//!
//! [`Identity::mac_key`]: crate::app::identity::Identity

use super::streams;
use crate::{
    app::{ctx::Ctx, identity, state::App},
    auth::field_tokens::end_of,
    entries::{boot_time, mark},
    http::body::Json,
    kernel::failure::Failure,
    params,
    people::{lookup, placeholder},
    store::tx::Tx,
};
use axum::extract::State;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use hmac::{Hmac, KeyInit as _, Mac as _};
use protocol::{
    field::{Certificate, ChallengeAnswer, ChallengeRequest, SignedCertificate, TokenAnswer, TokenRequest},
    ids::StreamId,
    photo::Sha256,
    problem::{Problem, ProblemCode},
    sign::{PublicKey, certificate_message, challenge_message},
    time::Millis,
};

/// Lifetime of a challenge in ms, and by how much the clock of the replica that issued it may be ahead of the clock of
/// the replica that checks the answer.
const CHALLENGE_MS: i64 = 120_000;
const NONCE: usize = 16;
/// Tokens of a stream that are valid at the same time; the oldest one ends. A handset uses one, and gets another one when an
/// answer is lost.
const TOKENS: u32 = 8;

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> Result<Hmac<sha2::Sha256>, Failure> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).map_err(Failure::internal)?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac)
}

/// `BASE64URL(issued[8] nonce[16] mac[32])`
fn challenge(key: &[u8; 32], stream: StreamId, issued: Millis, random: [u8; 32]) -> Result<String, Failure> {
    let mut bytes = issued.0.to_be_bytes().to_vec();
    bytes.extend(random.iter().take(NONCE));
    let tag = mac(key, &[b"challenge", stream.0.as_bytes(), &bytes])?.finalize();
    bytes.extend_from_slice(&tag.into_bytes());
    Ok(BASE64URL.encode(bytes))
}

/// Returns the time at which the challenge was issued.
///
/// # Errors
/// `auth.challenge` if this deployment did not issue it for this stream, or not within [`CHALLENGE_MS`] of `now`.
fn check_challenge(key: &[u8; 32], stream: StreamId, text: &str, now: Millis) -> Result<Millis, Failure> {
    let refused = || Failure::of(ProblemCode::Challenge);
    let bytes = BASE64URL.decode(text).map_err(|_| refused())?;
    let (body, tag) = bytes.split_at_checked(8 + NONCE).ok_or_else(refused)?;
    mac(key, &[b"challenge", stream.0.as_bytes(), body])?
        .verify_slice(tag)
        .map_err(|_| refused())?;
    let issued = body.first_chunk::<8>().ok_or_else(refused)?;
    let issued = Millis(i64::from_be_bytes(*issued));
    if (-CHALLENGE_MS..CHALLENGE_MS).contains(&now.since(issued)) {
        Ok(issued)
    } else {
        Err(refused())
    }
}

/// The token for an answered challenge; deriving it needs the server's key.
fn token(key: &[u8; 32], stream: StreamId, challenge: &str) -> Result<String, Failure> {
    let tag = mac(key, &[b"token", stream.0.as_bytes(), challenge.as_bytes()])?.finalize();
    Ok(format!("xf_{}", BASE64URL.encode(tag.into_bytes())))
}

/// Issues a challenge to sign. Unknown streams get one too, because only the signature proves their identity. The
/// answer contains the server's time, so that a handset with a wrong clock is not locked out.
#[utoipa::path(post, operation_id = "ask", path = "/v1/field/challenge", tag = "terminals", request_body = ChallengeRequest,
    responses((status = 200, body = ChallengeAnswer)))]
pub async fn issue_challenge(
    State(app): State<App>,
    Json(request): Json<ChallengeRequest>,
) -> Result<Json<ChallengeAnswer>, Failure> {
    let epoch = app.read(|tx| Ok(identity::epoch(tx)?)).await?;
    let now = app.clock.now();
    Ok(Json(ChallengeAnswer {
        epoch,
        server_time: now,
        challenge: challenge(&app.identity.mac_key, request.stream, now, app.secret())?,
    }))
}

/// Verifies a signed challenge and issues a token for `/v1/field/*`. A stream that gets `stream.unknown`, because the
/// server was restored from an older backup, sends its certificate and is registered again.
#[utoipa::path(post, operation_id = "answer", path = "/v1/field/token", tag = "terminals", request_body = TokenRequest, responses(
    (status = 200, body = TokenAnswer),
    (status = 401, description = "`auth.challenge`, `auth.signature`", body = Problem),
    (status = 403, description = "`stream.revoked`, `terminal.wipe`", body = Problem),
    (status = 404, description = "`stream.unknown`", body = Problem)
))]
pub async fn issue_token(
    State(app): State<App>,
    Json(request): Json<TokenRequest>,
) -> Result<Json<TokenAnswer>, Failure> {
    let key = &app.identity.mac_key;
    let arrival = app.clock.now();
    let issued = check_challenge(key, request.stream, &request.challenge, arrival)?;
    let token = token(key, request.stream, &request.challenge)?;
    let minutes = i64::from(app.settings.field_token_minutes);
    let expires = issued.plus(minutes * 60_000);
    let hash = Sha256::of(token.as_bytes()).to_string();
    let parts = app.clone();
    let (mark, epoch, now) = app
        .write(move |tx, ctx| {
            admit(tx, ctx, &parts, &request)?;
            let stream = request.stream.to_string();
            tx.execute(
                "DELETE FROM field_token WHERE stream = ?1 AND expires <= ?2",
                params![&stream, ctx.now.0],
            )?;
            tx.execute(
                "INSERT INTO field_token (token_sha256, stream, expires) VALUES (?1, ?2, ?3)
                 ON CONFLICT (token_sha256) DO NOTHING",
                params![&hash, &stream, expires.0],
            )?;
            tx.execute(
                "DELETE FROM field_token WHERE stream = ?1 AND token_sha256 NOT IN
                     (SELECT token_sha256 FROM field_token WHERE stream = ?1
                      ORDER BY expires DESC, token_sha256 LIMIT ?2)",
                params![&stream, TOKENS],
            )?;
            boot_time::learn_challenge(tx, request.stream, &request.clock, issued, arrival)?;
            streams::contact(tx, request.stream, ctx.now)?;
            Ok((mark::of(tx, request.stream)?, identity::epoch(tx)?, ctx.now))
        })
        .await?;
    app.known.has_token(&token);
    Ok(Json(TokenAnswer {
        epoch,
        server_time: now,
        token,
        expires_in_s: u32::try_from(expires.since(now).max(0) / 1000).unwrap_or(0),
        mark,
        pins: app.public.pins.clone(),
        server_keys: app.identity.signers(),
    }))
}

/// Checks that the stream is known or readmitted by its certificate, that it is active, and that its key signed the
/// challenge.
///
/// # Errors
/// `auth.signature`, `stream.unknown`, or the code of an ended stream (`stream.revoked`, `terminal.wipe`).
fn admit(tx: &mut Tx<'_>, ctx: &mut Ctx, app: &App, request: &TokenRequest) -> Result<(), Failure> {
    let message = challenge_message(request.stream, &request.challenge);
    let verify = |key: &PublicKey| {
        key.verify(&message, &request.signature)
            .map_err(|_| Failure::of(ProblemCode::Signature))
    };
    let known = tx.opt(
        "SELECT s.public_key, s.revoked, s.wipe_ordered, p.disabled FROM stream s
         JOIN person p ON p.id = s.person WHERE s.id = ?1",
        params![request.stream.to_string()],
        |row| Ok((row.parse::<PublicKey>("public_key")?, end_of(row)?)),
    )?;
    if let Some((key, end)) = known {
        verify(&key)?;
        return end.map_or(Ok(()), |code| Err(Failure::of(code)));
    }
    let unknown = || Failure::of(ProblemCode::StreamUnknown);
    let signed = request.certificate.as_ref().ok_or_else(unknown)?;
    let certificate = ours(app, signed)
        .filter(|c| c.stream == request.stream)
        .ok_or_else(unknown)?;
    verify(&certificate.key)?;
    readmit(tx, ctx, &certificate, signed)
}

/// The certificate's content if this deployment's key signed it.
pub(crate) fn ours(app: &App, signed: &SignedCertificate) -> Option<Certificate> {
    let message = certificate_message(&signed.certificate);
    let mut keys = app.identity.certifiers();
    keys.any(|key| key.verify(&message, &signed.signature).is_ok())
        .then_some(())?;
    serde_json::from_str(&signed.certificate).ok()
}

/// Inserts a stream that is missing because the server was restored from an older backup. A missing terminal, post or
/// person gets a placeholder row.
///
/// # Errors
/// `stream.unknown` if the holder is disabled or no unit contains the certificate's county.
pub(crate) fn readmit(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    certificate: &Certificate,
    signed: &SignedCertificate,
) -> Result<(), Failure> {
    let org = placeholder::ensure(tx, ctx, certificate)?;
    if !lookup::is_active(tx, certificate.holder)? {
        return Err(Failure::because(ProblemCode::StreamUnknown, "holder"));
    }
    tx.execute(
        "INSERT INTO terminal (id, label, org, created) VALUES (?1, '恢复的终端', ?2, ?3)
         ON CONFLICT (id) DO NOTHING",
        params![certificate.terminal.to_string(), org.to_string(), ctx.now.0],
    )?;
    streams::insert(tx, certificate, signed, "{}", ctx.now)?;
    Ok(())
}
