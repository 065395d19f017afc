//! The operations on cases.

use super::{
    advance::advance,
    counts,
    file::{CaseFile, columns_of_line},
    input::{Actor, Input},
    ledger,
    personal::{self, PersonalBody},
    photos, reader,
    register::{Registration, register as take_down},
    rules,
    shape::{CaseLine, CaseView, KEEPERS, READERS},
    view,
};
use crate::{
    app::{
        audit,
        ordered::{KeyPart, ListSpan, OrderedTable, Scope, Strand},
        state::App,
        tally::CountedKind,
    },
    auth::actor::Staff,
    http::{
        body::{Json, Path, Query},
        idempotency::request_of,
        operation::Operations,
    },
    kernel::{
        failure::{Failure, invalid},
        page::{List, Page},
    },
    photos::view::{answer, answer_small},
    store::tx::Tx,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use protocol::{
    case::{ActionBody, CaseState, Field, FieldValue},
    codes::{CellCode, MatterCode},
    geo::PointE7,
    ids::CaseId,
    photo::Sha256,
    problem::{Problem, ProblemCode},
    role::Role,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .staff(READERS, routes!(cases))
        .staff(&[Role::Acceptor], routes!(register))
        .staff(READERS, routes!(case))
        .staff(READERS, routes!(act))
        .staff(KEEPERS, routes!(caller_view))
        .staff(KEEPERS, routes!(personal_data))
        .staff(READERS, routes!(photo))
        .staff(counts::READERS, routes!(counts::counts))
        .staff(counts::READERS, routes!(counts::streams))
}

/// Checks that a text is at most as long as an opinion and contains no NUL, which neither engine stores.
fn short_enough(at: &str, text: &str) -> Result<(), Failure> {
    if Field::Opinion.holds(text.chars().count()) && !text.contains('\0') {
        Ok(())
    } else {
        Err(invalid(
            at,
            "文字过长",
            "the text is too long or contains a NUL character",
        ))
    }
}

/// The role whose cases are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// 受理员
    Acceptor,
    /// 值班长
    ShiftLeader,
    /// 指挥中心
    CommandCentre,
    /// 终端部门
    Department,
    /// All cases in the caller's areas.
    All,
}

impl Queue {
    const fn role(self) -> Option<Role> {
        match self {
            Self::Acceptor => Some(Role::Acceptor),
            Self::ShiftLeader => Some(Role::ShiftLeader),
            Self::CommandCentre => Some(Role::CommandCentre),
            Self::Department => Some(Role::Department),
            Self::All => None,
        }
    }
}

/// Which cases to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CaseQuery {
    /// Only cases that wait for this role; `all` (the default) for all cases in the caller's areas.
    #[param(inline)]
    pub queue: Option<Queue>,
    pub state: Option<CaseState>,
    /// Prefix of cell codes.
    pub area: Option<String>,
    pub after: Option<String>,
    pub limit: Option<u32>,
}

const TABLE: OrderedTable = OrderedTable {
    name: "case_file",
    id: "id",
    place: "area",
    counted: CountedKind::Case,
};

/// The most urgent case first: by deadline while it runs, then by age.
fn strands(states: &[CaseState]) -> Vec<Strand> {
    let (reported, never) = (KeyPart::Column("reported"), KeyPart::Is(i64::MAX));
    let strand = |state: &CaseState| {
        let (state, runs) = (state.as_str(), *state == CaseState::Handling);
        let strand = |part, first| Strand {
            state,
            part,
            key: [first, reported],
        };
        // The conditions of the partial indexes, word for word.
        if runs {
            let due = KeyPart::Column("deadline");
            [
                Some(strand("deadline IS NULL", never)),
                Some(strand("deadline IS NOT NULL", due)),
            ]
        } else {
            [Some(strand("state <> 'handling'", never)), None]
        }
    };
    states.iter().flat_map(strand).flatten().collect()
}

/// The key of a line in the list: deadline while it runs (else the largest number), time of the report, id.
fn key(line: &CaseLine) -> (i64, i64, CaseId) {
    let due = line
        .deadline
        .filter(|_| line.state == CaseState::Handling)
        .map_or(i64::MAX, |d| d.0);
    (due, line.reported.0, line.id)
}

/// Cases in the caller's areas, earliest deadline first.
#[utoipa::path(get, path = "/v1/cases", tag = "cases", params(CaseQuery),
    responses((status = 200, body = Page<CaseLine>), (status = "4XX", body = Problem)))]
async fn cases(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<CaseQuery>,
) -> Result<Json<Page<CaseLine>>, Failure> {
    let role = query.queue.unwrap_or(Queue::All).role();
    let list = List::new(query.limit, query.after.as_deref())?;
    let mut states = role.map_or_else(|| CaseState::ALL.to_vec(), rules::queue);
    states.retain(|state| query.state.is_none_or(|asked| asked == *state));
    let centre = match role {
        Some(Role::Department) => Vec::new(),
        Some(role) => vec![role],
        None => READERS
            .iter()
            .copied()
            .filter(|r| *r != Role::Department)
            .collect(),
    };
    let mut scope = Scope::of(staff.areas(&centre), query.area.as_deref());
    if matches!(role, Some(Role::Department) | None) {
        let own = staff.orgs(Role::Department).map(|org| org.to_string());
        scope = scope.owned_by("department", own);
    }
    let reading = ListSpan::of(&list, |(due, reported, id): &(i64, i64, CaseId)| {
        (*due, *reported, id.to_string())
    });
    let shared = app.clone();
    app.read(move |tx| {
        let columns = columns_of_line(view::LOOKED_AT + 1);
        let files = TABLE.rows(tx, &strands(&states), &scope, &reading, &columns, CaseFile::read)?;
        let lines = files
            .into_iter()
            .map(|file| view::line(tx, &shared, &staff, file))
            .collect::<Result<Vec<_>, _>>()?;
        list.page(lines, key)
    })
    .await
    .map(Json)
}

fn readable(tx: &mut Tx<'_>, staff: &Staff, id: CaseId) -> Result<CaseFile, Failure> {
    let file = CaseFile::load(tx, id)?;
    if reader::may_read(staff, &file) {
        Ok(file)
    } else {
        Err(Failure::of(ProblemCode::OutOfScope))
    }
}

/// A case with its ledger, its photos and the actions that are allowed now.
#[utoipa::path(get, path = "/v1/cases/{id}", tag = "cases", params(("id" = CaseId, Path)),
    responses((status = 200, body = CaseView), (status = "4XX", body = Problem)))]
async fn case(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<CaseId>,
) -> Result<Json<CaseView>, Failure> {
    let shared = app.clone();
    app.read(move |tx| {
        let file = readable(tx, &staff, id)?;
        view::of(tx, &shared, file, &Actor::Staff(&staff))
    })
    .await
    .map(Json)
}

/// A citizen's report, as recorded by an acceptor (T2).
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterBody {
    /// Id of this request; a repeated request with the same id is done once. The header `Idempotency-Key` does the
    /// same.
    pub request: Option<uuid::Uuid>,
    /// 事/部件 类型
    pub matter: Option<MatterCode>,
    /// Report of the caller, as text.
    pub text: String,
    /// WGS-84. `cell` may be given instead.
    pub place: Option<PointE7>,
    pub cell: Option<CellCode>,
    #[serde(default)]
    pub address: String,
    pub caller: Caller,
}

/// Name and contact of the caller. Stored apart from the case and shown masked (DC-05).
#[derive(Debug, Clone, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Caller {
    #[serde(default)]
    pub name: String,
    pub phone: String,
    /// Identity numbers that stood in the text and were moved here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub identity: String,
}

/// Creates a case for a citizen's report and sends it for verification (T2).
#[utoipa::path(post, path = "/v1/cases", tag = "cases", request_body = RegisterBody,
    params(("idempotency-key" = Option<String>, Header, description = "id of this request; a repeated request with the same id is done once")),
    responses((status = 200, body = CaseView), (status = "4XX", body = Problem)))]
async fn register(
    State(app): State<App>,
    staff: Staff,
    headers: HeaderMap,
    Json(body): Json<RegisterBody>,
) -> Result<Json<CaseView>, Failure> {
    if body.text.trim().is_empty() {
        return Err(invalid("/text", "请填写反映的情况", "enter what was reported"));
    }
    short_enough("/text", &body.text)?;
    let digits = body.caller.phone.chars().filter(char::is_ascii_digit).count();
    if digits < 3 || body.caller.phone.chars().count() > 32 || body.caller.phone.contains('\0') {
        return Err(invalid(
            "/caller/phone",
            "请填写来电号码",
            "enter the caller's phone number",
        ));
    }
    if body.caller.name.chars().count() > 64 || body.caller.name.contains('\0') {
        return Err(invalid("/caller/name", "姓名过长", "the name is too long"));
    }
    if body.caller.identity.chars().count() > 64 || body.caller.identity.contains('\0') {
        return Err(invalid(
            "/caller/identity",
            "证件号过长",
            "the number is too long",
        ));
    }
    short_enough("/address", &body.address)?;
    let registration = Registration {
        text: body.text,
        caller_name: body.caller.name,
        caller_phone: body.caller.phone,
        caller_identity: body.caller.identity,
        input: Input {
            request: request_of(&headers, &staff, body.request)?,
            values: [
                body.matter.map(FieldValue::Matter),
                body.place.map(FieldValue::Place),
                body.cell.map(FieldValue::Cell),
                Some(FieldValue::Address(body.address)),
            ]
            .into_iter()
            .flatten()
            .collect(),
            ..Input::default()
        },
    };
    let shared = app.clone();
    app.write(move |tx, ctx| take_down(tx, ctx, &shared, &Actor::Staff(&staff), &registration))
        .await
        .map(Json)
}

/// Performs one action of the transition table on a case.
#[utoipa::path(post, path = "/v1/cases/{id}/actions", tag = "cases", request_body = ActionBody,
    params(("id" = CaseId, Path),
        ("idempotency-key" = Option<String>, Header, description = "id of this request; a repeated request with the same id is done once")),
    responses((status = 200, body = CaseView), (status = "4XX", body = Problem)))]
async fn act(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<CaseId>,
    headers: HeaderMap,
    Json(body): Json<ActionBody>,
) -> Result<Json<CaseView>, Failure> {
    let action = body.action;
    let input = Input {
        expected_version: Some(body.expected_version),
        request: request_of(&headers, &staff, body.request)?,
        values: body.into_values(),
        ..Input::default()
    };
    let shared = app.clone();
    app.write(move |tx, ctx| advance(tx, ctx, &shared, id, action, &Actor::Staff(&staff), &input))
        .await
        .map(Json)
}

/// Reason for viewing the caller's data.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
pub struct CallerViewBody {
    pub reason: String,
}

/// Returns the unmasked data of a case's caller. Each view and its reason are written to the audit log (DC-05).
#[utoipa::path(post, path = "/v1/cases/{id}/caller-view", tag = "cases", request_body = CallerViewBody,
    params(("id" = CaseId, Path)),
    responses((status = 200, body = Caller), (status = "4XX", body = Problem)))]
async fn caller_view(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<CaseId>,
    Json(body): Json<CallerViewBody>,
) -> Result<Response, Failure> {
    let reason = body.reason.trim().to_owned();
    if reason.is_empty() {
        return Err(invalid(
            "/reason",
            "请填写查看原因",
            "enter the reason for viewing the caller's data",
        ));
    }
    short_enough("/reason", &reason)?;
    let caller = app
        .write(move |tx, ctx| {
            let file = CaseFile::load(tx, id)?;
            if !KEEPERS.iter().any(|role| staff.may(*role, file.area)) {
                return Err(Failure::of(ProblemCode::OutOfScope));
            }
            let (name, phone, identity) =
                view::caller(tx, id)?.ok_or_else(|| Failure::of(ProblemCode::NotFound))?;
            audit::note(
                tx,
                ctx,
                Some(staff.person),
                "case.caller_view",
                &format!("case:{id}"),
                &reason,
            )?;
            Ok(Caller {
                name,
                phone,
                identity,
            })
        })
        .await?;
    let mut response = Json(caller).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Moves personal data from the texts of a case to the caller's fields, or marks it as the matter's own contact, which
/// departments and handsets then see. Each decision is an event of the case and a row of the audit log (DC-05).
#[utoipa::path(post, path = "/v1/cases/{id}/personal-data", tag = "cases", request_body = PersonalBody,
    params(("id" = CaseId, Path)),
    responses((status = 200, body = CaseView), (status = "4XX", body = Problem)))]
async fn personal_data(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<CaseId>,
    Json(body): Json<PersonalBody>,
) -> Result<Json<CaseView>, Failure> {
    body.check()?;
    let shared = app.clone();
    app.write(move |tx, ctx| personal::decide(tx, ctx, &shared, id, &staff, &body))
        .await
        .map(Json)
}

/// How a photo is wanted.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CasePhotoQuery {
    /// A small picture for a list, at most 320 pixels a side.
    #[serde(default)]
    pub thumbnail: bool,
}

/// A photo of a case. An attachment of staff is served upright and without metadata, as a JPEG.
#[utoipa::path(get, path = "/v1/cases/{id}/photos/{sha256}", tag = "cases",
    params(("id" = CaseId, Path), ("sha256" = Sha256, Path), CasePhotoQuery),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 304), (status = "4XX", body = Problem)))]
async fn photo(
    State(app): State<App>,
    staff: Staff,
    Path((id, sha256)): Path<(CaseId, String)>,
    Query(query): Query<CasePhotoQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let sha256: Sha256 = sha256.parse().map_err(|_| Failure::of(ProblemCode::NotFound))?;
    let by = staff.clone();
    let photo = app
        .read(move |tx| {
            let file = readable(tx, &by, id)?;
            let events = ledger::events(&ledger::load(tx, id)?);
            let all = photos::all(tx, &file, &events)?;
            let photo = all.into_iter().find(|p| p.is_named(sha256) && p.held);
            photo.ok_or_else(|| Failure::of(ProblemCode::NotFound))
        })
        .await?;
    let entity = format!("case:{id}");
    if query.thumbnail {
        answer_small(&app, &staff, entity, &photo, &headers).await
    } else {
        answer(&app, &staff, entity, &photo, &headers).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::page::Key as _;

    #[test]
    fn cursor_has_the_columns_of_the_order() {
        let id = CaseId::from_parts(5, [3; 10]);
        let key = (i64::MAX, 77, id);
        let text = format!("{}.77.{id}", i64::MAX);
        assert_eq!(key.cursor(), text);
        assert_eq!(<(i64, i64, CaseId)>::parse(&text), Some(key));
    }
}
