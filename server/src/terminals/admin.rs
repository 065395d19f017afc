//! Operations of administrators on terminals: register, invite a holder, revoke at once (SP-06), wipe.

use super::{enrol, parcel_keys, streams};
use crate::{
    app::{address::Reach, audit, changes::Change, state::App},
    auth::{actor::Staff, codes},
    http::body::{Json, Path, Query},
    kernel::{
        failure::{Failure, invalid, named},
        page::{List, Page, Where},
        text,
    },
    params,
    people::{posts, scope},
    store::{error::StoreError, tx::Tx},
};
use axum::extract::State;
use protocol::{
    WIRE_VERSION,
    field::Invitation,
    ids::{OrgId, PersonId, PostId, StreamId, TerminalId},
    problem::{Problem, ProblemCode},
    role::Role,
    time::Millis,
    unlock::UnlockChallenge,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewTerminal {
    /// Inventory number on the device's label.
    pub label: String,
    pub org: OrgId,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewInvitation {
    pub post: PostId,
    /// The person who holds the post now.
    pub person: PersonId,
}

/// An invitation. It is given only in this answer; the server stores only the hash of the code.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Invited {
    /// One-time code, for typing.
    pub code: String,
    /// Server address, code, pins and parcel key in one string; the QR code contains the same string.
    pub invitation: String,
    pub expires: Millis,
    /// 仅限本机: only a handset on the server's own machine reaches the address.
    pub this_machine_only: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StreamView {
    pub id: StreamId,
    pub post: PostId,
    pub person: PersonId,
    pub created: Millis,
    pub revoked: Option<Millis>,
    pub wipe_ordered: Option<Millis>,
    /// When its last sealed parcel arrived. From then on the server holds everything that the terminal held.
    pub handed_over: Option<Millis>,
    pub last_contact: Millis,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TerminalView {
    pub id: TerminalId,
    pub label: String,
    pub org: OrgId,
    /// Oldest first.
    pub streams: Vec<StreamView>,
}

#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TerminalQuery {
    pub after: Option<String>,
    pub limit: Option<u32>,
}

/// Why a stream is revoked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Revocation {
    /// `lent`, `lost`, `replaced`, `left` … One word for the audit log.
    pub reason: String,
}

impl Revocation {
    fn word(&self) -> Result<&str, Failure> {
        let reason = self.reason.trim();
        let word = reason.len() <= 40 && reason.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if reason.is_empty() || !word {
            return Err(invalid(
                "/reason",
                "请选择原因",
                "give the reason as one word in lower case, such as lost",
            ));
        }
        Ok(reason)
    }
}

/// Registers a terminal of a unit.
#[utoipa::path(post, path = "/v1/terminals", tag = "terminals", request_body = NewTerminal,
    responses((status = 200, body = TerminalView)))]
pub async fn create(
    State(app): State<App>,
    staff: Staff,
    Json(body): Json<NewTerminal>,
) -> Result<Json<TerminalView>, Failure> {
    app.write(move |tx, ctx| {
        scope::administers(tx, &staff, body.org)?;
        let label = text::name("/label", &body.label, 100)?;
        let id = ctx.terminal_id();
        tx.execute(
            "INSERT INTO terminal (id, label, org, created) VALUES (?1, ?2, ?3, ?4)",
            params![id.to_string(), label, body.org.to_string(), ctx.now.0],
        )?;
        audit::note(
            tx,
            ctx,
            Some(staff.person),
            "terminal.create",
            &format!("terminal:{id}"),
            "",
        )?;
        Ok(view(tx, id)?)
    })
    .await
    .map(Json)
}

/// Creates a one-time code that binds this terminal to a post and its holder. It replaces an open code of the terminal for
/// the post; the wipe of the terminal, and the revocation of one of its streams, make open codes void.
#[utoipa::path(post, path = "/v1/terminals/{id}/invitations", tag = "terminals",
    params(("id" = TerminalId, Path)), request_body = NewInvitation,
    responses((status = 200, body = Invited)))]
pub async fn invite(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<TerminalId>,
    Json(body): Json<NewInvitation>,
) -> Result<Json<Invited>, Failure> {
    if app.public.reach == Reach::Nobody {
        return Err(Failure::of(ProblemCode::PublicAddress));
    }
    let parts = app.clone();
    app.write(move |tx, ctx| {
        let org = org_of(tx, id)?;
        scope::administers(tx, &staff, org)?;
        let org = posts::org_of(tx, body.post).map_err(named("/post"))?;
        scope::administers(tx, &staff, org)?;
        if !posts::holds(tx, body.post, body.person, ctx.now)? {
            return Err(invalid(
                "/person",
                "该人员现在不在此岗位",
                "this person does not hold the post now",
            ));
        }
        let code = codes::code(ctx.ids.bytes());
        let expires = ctx
            .now
            .plus(i64::from(parts.settings.enrol_code_hours) * 3_600_000);
        enrol::keep_code(tx, &code, (id, body.post, body.person), expires)?;
        let invitation = Invitation {
            v: WIRE_VERSION,
            server: parts.public.url.clone(),
            code: code.clone(),
            pins: parts.public.pins.clone(),
            parcel_key: parcel_keys::current(tx, &parts.identity.seal)?
                .public()
                .to_string(),
            contact: parts.settings.contact(),
        };
        let detail = format!("post:{} person:{}", body.post, body.person);
        let entity = format!("terminal:{id}");
        audit::note(tx, ctx, Some(staff.person), "terminal.invite", &entity, &detail)?;
        Ok(Invited {
            code,
            invitation: invitation.to_text()?,
            expires,
            this_machine_only: parts.public.reach == Reach::ThisMachine,
        })
    })
    .await
    .map(Json)
}

/// Terminals of the units in the caller's areas, with their streams.
#[utoipa::path(get, path = "/v1/terminals", tag = "terminals", params(TerminalQuery),
    responses((status = 200, body = Page<TerminalView>)))]
pub async fn list(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<TerminalQuery>,
) -> Result<Json<Page<TerminalView>>, Failure> {
    let list = List::new(query.limit, query.after.as_deref())?;
    app.read(move |tx| {
        let mut scope = Where::default();
        scope.one_of("org", scope::units(tx, &staff, &[Role::Admin])?);
        let select = "SELECT id FROM terminal";
        let ids: Vec<TerminalId> = list.rows(tx, (select, "id"), &scope, |row| row.parse("id"))?;
        let found = ids
            .into_iter()
            .map(|id| view(tx, id))
            .collect::<Result<Vec<_>, _>>()?;
        list.page(found, |t| (t.id,))
    })
    .await
    .map(Json)
}

/// Revokes a stream at once (SP-06), and makes open invitations of its terminal void. Its tokens are deleted and no new
/// ones are issued. The terminal sends its
/// pending entries in a sealed parcel (`POST /v1/field/parcel`) and then deletes them; the entries wait in the review
/// queue.
#[utoipa::path(post, path = "/v1/streams/{id}/revoke", tag = "terminals", params(("id" = StreamId, Path)),
    request_body = Revocation,
    responses((status = 200, body = TerminalView), (status = 404, body = Problem)))]
pub async fn revoke(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<StreamId>,
    Json(body): Json<Revocation>,
) -> Result<Json<TerminalView>, Failure> {
    app.write(move |tx, ctx| {
        let terminal = streams::terminal_of(tx, id)?;
        let org = org_of(tx, terminal)?;
        scope::administers(tx, &staff, org)?;
        let reason = body.word()?;
        if streams::revoke(tx, id, ctx.now)? {
            enrol::drop_codes(tx, terminal)?;
            audit::note(
                tx,
                ctx,
                Some(staff.person),
                "stream.revoke",
                &format!("stream:{id}"),
                reason,
            )?;
            ctx.changed(Change::StreamRevoked { stream: id });
        }
        Ok(view(tx, terminal)?)
    })
    .await
    .map(Json)
}

/// What a locked handset shows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UnlockRequest {
    /// Six digits.
    pub challenge: String,
}

/// The code that opens the lock once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UnlockCode {
    /// Eight digits, to be read out to the holder.
    pub code: String,
}

/// Gives the code for the lock of a handset whose PIN was forgotten. Make sure that it is the holder who asks: the code
/// opens the app. It works without a network.
#[utoipa::path(post, path = "/v1/streams/{id}/unlock-code", tag = "terminals", params(("id" = StreamId, Path)),
    request_body = UnlockRequest,
    responses((status = 200, body = UnlockCode), (status = 404, body = Problem)))]
pub async fn unlock_code(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<StreamId>,
    Json(body): Json<UnlockRequest>,
) -> Result<Json<UnlockCode>, Failure> {
    app.write(move |tx, ctx| {
        let terminal = streams::terminal_of(tx, id)?;
        let org = org_of(tx, terminal)?;
        scope::administers(tx, &staff, org)?;
        let challenge: UnlockChallenge = body.challenge.trim().parse().map_err(|_| {
            invalid(
                "/challenge",
                "请输入终端上显示的六位数字",
                "enter the six digits that the handset shows",
            )
        })?;
        let code = challenge.answer(&streams::signature_of(tx, id)?);
        let entity = format!("stream:{id}");
        audit::note(tx, ctx, Some(staff.person), "stream.unlock_code", &entity, "")?;
        Ok(UnlockCode { code })
    })
    .await
    .map(Json)
}

/// Orders the wipe of a terminal and revokes all its streams. The terminal first hands over its pending entries in a
/// sealed parcel and deletes its data only after the receipt. `handed_over` of its streams gives the time of the
/// hand-over.
#[utoipa::path(post, path = "/v1/terminals/{id}/wipe", tag = "terminals", params(("id" = TerminalId, Path)),
    request_body = Revocation,
    responses((status = 200, body = TerminalView), (status = 404, body = Problem)))]
pub async fn wipe(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<TerminalId>,
    Json(body): Json<Revocation>,
) -> Result<Json<TerminalView>, Failure> {
    app.write(move |tx, ctx| {
        let org = org_of(tx, id)?;
        scope::administers(tx, &staff, org)?;
        let reason = body.word()?;
        enrol::drop_codes(tx, id)?;
        for stream in streams::order_wipe(tx, id, ctx.now)? {
            ctx.changed(Change::StreamRevoked { stream });
        }
        let entity = format!("terminal:{id}");
        audit::note(tx, ctx, Some(staff.person), "terminal.wipe", &entity, reason)?;
        Ok(view(tx, id)?)
    })
    .await
    .map(Json)
}

fn org_of(tx: &mut Tx<'_>, terminal: TerminalId) -> Result<OrgId, StoreError> {
    tx.one(
        "SELECT org FROM terminal WHERE id = ?1",
        params![terminal.to_string()],
        |row| row.parse("org"),
    )
}

fn view(tx: &mut Tx<'_>, id: TerminalId) -> Result<TerminalView, StoreError> {
    let streams = tx.all(
        "SELECT id, post, person, created, revoked, wipe_ordered, handed_over, last_contact FROM stream
         WHERE terminal = ?1
         ORDER BY created, id",
        params![id.to_string()],
        |row| {
            Ok(StreamView {
                id: row.parse("id")?,
                post: row.parse("post")?,
                person: row.parse("person")?,
                created: Millis(row.get("created")?),
                revoked: row.get::<Option<i64>>("revoked")?.map(Millis),
                wipe_ordered: row.get::<Option<i64>>("wipe_ordered")?.map(Millis),
                handed_over: row.get::<Option<i64>>("handed_over")?.map(Millis),
                last_contact: Millis(row.get("last_contact")?),
            })
        },
    )?;
    tx.one(
        "SELECT label, org FROM terminal WHERE id = ?1",
        params![id.to_string()],
        |row| {
            Ok(TerminalView {
                id,
                label: row.get("label")?,
                org: row.parse("org")?,
                streams: streams.clone(),
            })
        },
    )
}
