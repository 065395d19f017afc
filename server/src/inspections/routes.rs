//! The operation that lets a supervisor issue a task at a place.

use crate::{
    app::{audit, state::App},
    auth::actor::Staff,
    cases::{file::CaseFile, ledger, photos},
    grids::place,
    http::{body::Json, idempotency, operation::Operations},
    kernel::failure::{Failure, field_error, invalid},
    photos::{shown, view},
    store::tx::Tx,
    tasks::{
        assign,
        routes::{TaskView, full},
        task::{Order, Task},
    },
};
use axum::{extract::State, http::HeaderMap};
use protocol::{
    codes::CellCode,
    duty::Purpose,
    geo::PointE7,
    ids::{CaseId, StreamId, TaskId},
    photo::Sha256,
    problem::{Problem, ProblemCode},
    role::Role,
    time::Millis,
};
use serde::Deserialize;
use utoipa_axum::routes;

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default().staff(&[Role::Supervisor], routes!(create))
}

/// A question from a supervisor to the field (督导核验).
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskBody {
    /// Id of this request; a repeated request with the same id is done once. The header `Idempotency-Key` does the
    /// same.
    pub request: Option<uuid::Uuid>,
    pub purpose: Purpose,
    /// Question to the worker, as text.
    pub wording: String,
    /// WGS-84. `cell` may be given instead.
    pub place: Option<PointE7>,
    pub cell: Option<CellCode>,
    #[serde(default)]
    pub address: String,
    /// Deadline in Unix milliseconds. `minutes` may be given instead; without either, the setting for the purpose
    /// applies.
    pub due: Option<Millis>,
    pub minutes: Option<u32>,
    /// Case that the question is about. The answer does not change the state of the case; only the case's own tasks
    /// do.
    pub case: Option<CaseId>,
    /// Photo to compare with: a photo of the case, or an attachment of the caller.
    pub compare: Option<Sha256>,
}

/// Longest time to the deadline, in ms: a month.
const MOST_MINUTES: u32 = 60 * 24 * 31;

impl TaskBody {
    /// Returns the deadline, or the faults of the body.
    fn check(&self, app: &App, now: Millis) -> Result<Millis, Failure> {
        let mut errors = Vec::new();
        let words = self.wording.trim().chars().count();
        if words == 0 || words > 1000 || self.wording.contains('\0') {
            errors.push(field_error(
                "/wording",
                "请写明要核实什么（1000 字以内）",
                "enter the question, up to 1000 characters",
            ));
        }
        if self.address.chars().count() > 400 || self.address.contains('\0') {
            errors.push(field_error("/address", "地址过长", "the address is too long"));
        }
        if self.place.is_none() && self.cell.is_none() {
            errors.push(field_error(
                "/place",
                "请给出地点或网格",
                "give a place or a cell",
            ));
        }
        let minutes = |n: u32| now.plus(i64::from(n) * 60_000);
        let due = match (self.due, self.minutes) {
            (Some(due), None) => due,
            (None, Some(n)) => minutes(n),
            (None, None) if self.purpose == Purpose::Verify => minutes(app.settings.verify_minutes),
            (None, None) => minutes(app.settings.check_minutes),
            (Some(_), Some(_)) => {
                errors.push(field_error(
                    "/minutes",
                    "时限只填一种",
                    "give either due or minutes",
                ));
                now
            }
        };
        if errors.is_empty() && (due <= now || due > minutes(MOST_MINUTES)) {
            errors.push(field_error(
                "/due",
                "时限须在现在之后、31 天之内",
                "the deadline must be in the future and within 31 days",
            ));
        }
        if errors.is_empty() {
            Ok(due)
        } else {
            Err(Failure::fields(ProblemCode::Invalid, errors))
        }
    }
}

/// Finds the named photo: one of the named case, or one of the supervisor's own attachments.
fn compare(
    tx: &mut Tx<'_>,
    staff: &Staff,
    file: Option<&CaseFile>,
    sha256: Sha256,
) -> Result<(Option<StreamId>, Sha256), Failure> {
    if let Some(file) = file {
        let events: Vec<_> = ledger::load(tx, file.id)?
            .iter()
            .filter_map(|s| serde_json::from_str(&s.body).ok())
            .collect();
        let photos = photos::all(tx, file, &events)?;
        if let Some(photo) = photos.into_iter().find(|p| p.is_named(sha256) && p.held) {
            return Ok((photo.stream, photo.shown.unwrap_or(photo.sha256)));
        }
    }
    if view::is_uploaded_by(tx, sha256, staff.person)? {
        return Ok((None, shown::hash_for_handsets(tx, sha256)?));
    }
    Err(invalid(
        "/compare",
        "没有这张照片",
        "this photo is neither in the case nor among your attachments",
    ))
}

/// Creates a task for a person on duty at a place (督导核验).
#[utoipa::path(post, path = "/v1/tasks", tag = "tasks", request_body = TaskBody,
    params(("idempotency-key" = Option<String>, Header, description = "id of this request; a repeated request with the same id is done once")),
    responses((status = 200, body = TaskView), (status = "4XX", body = Problem)))]
async fn create(
    State(app): State<App>,
    staff: Staff,
    headers: HeaderMap,
    Json(body): Json<TaskBody>,
) -> Result<Json<TaskView>, Failure> {
    let due = body.check(&app, app.clock.now())?;
    let request = idempotency::request_of(&headers, &staff, body.request)?.map(|id| TaskId(id.0));
    let (cell, grid) =
        place::find(&app, body.place, body.cell)?.ok_or_else(|| Failure::of(ProblemCode::PlaceUnknown))?;
    staff.require(Role::Supervisor, cell)?;
    let place = body.place.or_else(|| app.grids.centre(cell));
    app.write(move |tx, ctx| {
        if let Some(id) = request
            && let Some(done) = Task::find(tx, id)?
        {
            let o = &done.order;
            let same = o.purpose == body.purpose && o.wording == body.wording.trim() && o.case == body.case;
            return if same && o.cell == cell {
                Ok(full(tx, &done, ctx.now)?)
            } else {
                Err(Failure::fields(ProblemCode::Invalid, vec![idempotency::reused()]))
            };
        }
        let file = match body.case {
            Some(case) => {
                let file = CaseFile::load(tx, case)?;
                staff.require(Role::Supervisor, file.area)?;
                Some(file)
            }
            None => None,
        };
        let compare = match body.compare {
            Some(sha256) => Some(compare(tx, &staff, file.as_ref(), sha256)?),
            None => None,
        };
        let mut task = Task::new(
            ctx,
            Order {
                purpose: body.purpose,
                wording: body.wording.trim().to_owned(),
                cell,
                grid: Some(grid.clone()),
                place,
                address: body.address.trim().to_owned(),
                due,
                compare,
                case: body.case,
                drives: false,
                issued_by: Some(staff.person),
            },
        );
        task.id = request.unwrap_or(task.id);
        let id = assign::issue(tx, ctx, task)?;
        audit::note(
            tx,
            ctx,
            Some(staff.person),
            "task.issue",
            &format!("task:{id}"),
            cell.as_str(),
        )?;
        let task = Task::load(tx, id)?;
        Ok(full(tx, &task, ctx.now)?)
    })
    .await
    .map(Json)
}
