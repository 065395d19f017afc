//! Enrolment: a one-time code binds a terminal, a post and its holder to a stream and the stream's key. The server signs
//! the binding as a certificate.

use super::streams;
use crate::{
    app::{audit, ctx::Ctx, identity, state::App},
    auth::{codes::code_hash, sessions},
    http::body::Json,
    kernel::failure::Failure,
    params,
    people::{lookup, posts},
    store::{error::StoreError, tx::Tx},
};
use axum::extract::State;
use protocol::{
    WIRE_VERSION,
    codes::CountyCode,
    field::{Certificate, EnrolAnswer, EnrolRequest, SignedCertificate},
    ids::{PersonId, PostId, StreamId, TerminalId},
    open::Open,
    problem::{Problem, ProblemCode},
    sign::{Signer as _, certificate_message, enrol_message},
    time::Millis,
};

/// Stores the hash of a new one-time code that is valid until `expires`. Open codes of this terminal and post are void.
pub fn keep_code(
    tx: &mut Tx<'_>,
    code: &str,
    (terminal, post, person): (TerminalId, PostId, PersonId),
    expires: Millis,
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM enrol_code WHERE terminal = ?1 AND post = ?2 AND used_by IS NULL",
        params![terminal.to_string(), post.to_string()],
    )?;
    tx.execute(
        "INSERT INTO enrol_code (code_sha256, terminal, post, person, expires, used_by)
         VALUES (?1, ?2, ?3, ?4, ?5, NULL)",
        params![
            code_hash(code),
            terminal.to_string(),
            post.to_string(),
            person.to_string(),
            expires.0
        ],
    )?;
    Ok(())
}

/// Makes all open codes of a terminal void.
pub(super) fn drop_codes(tx: &mut Tx<'_>, terminal: TerminalId) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM enrol_code WHERE terminal = ?1 AND used_by IS NULL",
        params![terminal.to_string()],
    )?;
    Ok(())
}

/// Binds a stream and its key to the terminal, post and holder of a one-time code. If the same request is repeated
/// after a lost answer, the answer contains the same certificate. Any other use of a used code is refused.
#[utoipa::path(post, path = "/v1/field/enrol", tag = "terminals", request_body = EnrolRequest, responses(
    (status = 200, body = EnrolAnswer),
    (status = 401, description = "`auth.signature`", body = Problem),
    (status = 403, description = "`enrol.code`, `stream.revoked`", body = Problem)
))]
pub async fn enrol(
    State(app): State<App>,
    Json(request): Json<EnrolRequest>,
) -> Result<Json<EnrolAnswer>, Failure> {
    request
        .key
        .check()
        .and_then(|()| {
            let message = enrol_message(&request.code, request.stream);
            request.key.verify(&message, &request.signature)
        })
        .map_err(|_| Failure::of(ProblemCode::Signature))?;
    let (parts, stream) = (app.clone(), request.stream);
    let answer = app
        .write(move |tx, ctx| {
            let (certificate, person) = bind(tx, ctx, &parts, &request)?;
            let roles = sessions::grants(tx, person)?;
            let mut roles: Vec<_> = roles.into_iter().map(|g| g.role).collect();
            roles.dedup();
            Ok(EnrolAnswer {
                epoch: identity::epoch(tx)?,
                server_time: ctx.now,
                certificate,
                server_key: parts.identity.signer.public_key(),
                holder_name: lookup::name(tx, person)?,
                roles: roles.into_iter().map(Open::Known).collect(),
            })
        })
        .await?;
    app.known.enrolled(stream);
    Ok(Json(answer))
}

struct Code {
    terminal: TerminalId,
    post: PostId,
    person: PersonId,
    expires: Millis,
    used_by: Option<StreamId>,
}

fn bind(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    request: &EnrolRequest,
) -> Result<(SignedCertificate, PersonId), Failure> {
    let refused = || Failure::of(ProblemCode::EnrolCode);
    let hash = code_hash(&request.code);
    let code = tx.opt(
        "SELECT terminal, post, person, expires, used_by FROM enrol_code WHERE code_sha256 = ?1",
        params![&hash],
        |row| {
            Ok(Code {
                terminal: row.parse("terminal")?,
                post: row.parse("post")?,
                person: row.parse("person")?,
                expires: Millis(row.get("expires")?),
                used_by: row.parse_opt("used_by")?,
            })
        },
    )?;
    let code = code.ok_or_else(refused)?;
    if let Some(stream) = code.used_by {
        let same = tx.opt(
            "SELECT public_key, certificate, signature, revoked FROM stream WHERE id = ?1",
            params![stream.to_string()],
            |row| {
                let key: String = row.get("public_key")?;
                let revoked: Option<i64> = row.get("revoked")?;
                Ok((key, signed(row)?, revoked.is_some()))
            },
        )?;
        return match same {
            Some((key, certificate, revoked))
                if stream == request.stream && key == request.key.to_string() =>
            {
                if revoked {
                    return Err(Failure::of(ProblemCode::StreamRevoked));
                }
                Ok((certificate, code.person))
            }
            _ => Err(refused()),
        };
    }
    let holds = posts::holds(tx, code.post, code.person, ctx.now)?;
    let active = lookup::is_active(tx, code.person)?;
    if code.expires <= ctx.now || !holds || !active {
        return Err(refused());
    }
    if exists(tx, request.stream)? {
        return Err(Failure::of(ProblemCode::EnrolConflict));
    }
    if let Some(before) = request.predecessor {
        owned_by(tx, before, code.person)?;
    }
    let certificate = Certificate {
        v: WIRE_VERSION,
        stream: request.stream,
        key: request.key.clone(),
        terminal: code.terminal,
        post: code.post,
        holder: code.person,
        county: county(tx, code.post)?,
        issued: ctx.now,
        predecessor: request.predecessor,
    };
    let text = serde_json::to_string(&certificate)?;
    let signature = app
        .identity
        .signer
        .sign(&certificate_message(&text))
        .map_err(Failure::internal)?;
    let signed = SignedCertificate {
        certificate: text,
        signature,
    };
    let device = serde_json::to_string(&request.device)?;
    streams::insert(tx, &certificate, &signed, &device, ctx.now)?;
    tx.execute(
        "UPDATE enrol_code SET used_by = ?2 WHERE code_sha256 = ?1",
        params![&hash, request.stream.to_string()],
    )?;
    let detail = format!("terminal={} post={}", code.terminal, code.post);
    let entity = format!("stream:{}", request.stream);
    audit::note(tx, ctx, Some(code.person), "stream.enrol", &entity, &detail)?;
    Ok((signed, code.person))
}

fn signed(row: &crate::store::value::Row) -> Result<SignedCertificate, StoreError> {
    Ok(SignedCertificate {
        certificate: row.get("certificate")?,
        signature: row.parse("signature")?,
    })
}

fn exists(tx: &mut Tx<'_>, stream: StreamId) -> Result<bool, StoreError> {
    let found = tx.opt(
        "SELECT id FROM stream WHERE id = ?1",
        params![stream.to_string()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Checks that a predecessor belongs to the same person: a salvaged store continues as another stream of its holder only.
/// An unknown predecessor passes, because the server may have been restored from an older backup.
///
/// # Errors
/// `enrol.conflict` for a stream of another person.
fn owned_by(tx: &mut Tx<'_>, stream: StreamId, person: PersonId) -> Result<(), Failure> {
    let owner: Option<PersonId> = tx.opt(
        "SELECT person FROM stream WHERE id = ?1",
        params![stream.to_string()],
        |row| row.parse("person"),
    )?;
    match owner {
        Some(owner) if owner != person => Err(Failure::because(ProblemCode::EnrolConflict, "predecessor")),
        _ => Ok(()),
    }
}

/// The county whose reference data the holder gets: the county of the post's first area.
///
/// # Errors
/// `enrol.code` if the post has no area inside a county.
fn county(tx: &mut Tx<'_>, post: PostId) -> Result<CountyCode, Failure> {
    let areas = posts::areas(tx, post)?;
    areas
        .iter()
        .find_map(|area| area.as_str().get(..6)?.parse().ok())
        .ok_or_else(|| Failure::because(ProblemCode::EnrolCode, "the post has no area inside a county"))
}
