//! The operations on tasks.

use super::{
    assign, compare,
    rules::Lease,
    task::{COLUMNS, Order, Task, leases},
};
use crate::{
    app::{audit, state::App},
    auth::actor::Staff,
    cases::{
        file::CaseFile,
        ledger,
        photos::{self, CasePhoto, Origin},
        repeat,
        view::FlagName,
    },
    grids::place,
    http::{
        body::{Json, Path, Query},
        operation::Operations,
    },
    kernel::{
        failure::Failure,
        page::{self, Page, Where},
    },
    params,
    store::{error::StoreError, tx::Tx},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use protocol::{
    codes::CellCode,
    duty::{Answer, Purpose, TaskState},
    geo::PointE7,
    ids::{CaseId, EntryId, PersonId, PostId, StreamId, TaskId},
    photo::Sha256,
    problem::{FieldError, Problem, ProblemCode},
    role::Role,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

/// Who sees tasks.
const READERS: &[Role] = &[
    Role::Supervisor,
    Role::Acceptor,
    Role::ShiftLeader,
    Role::CommandCentre,
];

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .staff(&[Role::Supervisor], routes!(create))
        .staff(READERS, routes!(tasks))
        .staff(READERS, routes!(task))
        .staff(READERS, routes!(photo))
        .field(routes!(compare::by_hash))
        .staff(&[Role::Supervisor], routes!(cancel))
}

/// A post or person that had a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LeaseView {
    pub post: PostId,
    pub person: PersonId,
    pub since: Millis,
    /// Absent: still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
}

/// A task as staff see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TaskView {
    pub id: TaskId,
    pub purpose: Purpose,
    pub purpose_zh: String,
    pub state: TaskState,
    pub version: i64,
    pub wording: String,
    pub cell: CellCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PointE7>,
    pub address: String,
    pub due: Millis,
    /// Not answered, and the limit is over.
    pub overdue: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<Sha256>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// Whether the answer moves the case.
    pub drives: bool,
    /// With whom it is, or was when it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<PostId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<PersonId>,
    pub issued: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_zh: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_entry: Option<EntryId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Millis>,
    /// What is odd about the fix that came with the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answer_flags: Vec<FlagName>,
    /// Who had it when; in the view of one task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<LeaseView>,
    /// Photos of the answer; in the view of one task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<CasePhoto>,
}

fn view(tx: &mut Tx<'_>, task: &Task, now: Millis) -> Result<TaskView, StoreError> {
    let post_name = match task.holder {
        Some((post, _)) => tx.opt(
            "SELECT name FROM post WHERE id = ?1",
            params![post.to_string()],
            |row| row.get("name"),
        )?,
        None => None,
    };
    let answer_flags = match task.answer_entry {
        Some(entry) => FlagName::of_fix(tx, entry)?,
        None => Vec::new(),
    };
    let o = &task.order;
    Ok(TaskView {
        answer_flags,
        id: task.id,
        purpose: o.purpose,
        purpose_zh: o.purpose.zh().to_owned(),
        state: task.state,
        version: task.version,
        wording: o.wording.clone(),
        cell: o.cell,
        place: o.place,
        address: o.address.clone(),
        due: o.due,
        overdue: matches!(task.state, TaskState::Nobody | TaskState::Assigned) && o.due < now,
        compare: o.compare.map(|(_, sha256)| sha256),
        case: o.case,
        drives: o.drives,
        post: task.holder.map(|(post, _)| post),
        post_name,
        holder: task.holder.map(|(_, person)| person),
        issued: task.issued,
        answer: task.answer,
        answer_zh: task.answer.map(|a| a.zh().to_owned()),
        answer_text: task.answer_text.clone(),
        answer_entry: task.answer_entry,
        answered: task.answered,
        leases: Vec::new(),
        photos: Vec::new(),
    })
}

fn full(tx: &mut Tx<'_>, task: &Task, now: Millis) -> Result<TaskView, StoreError> {
    let lease = |l: Lease| LeaseView {
        post: l.post,
        person: l.person,
        since: l.since,
        until: l.until,
    };
    let leases = leases(tx, task.id)?.into_iter().map(lease).collect();
    let photos = match task.answer_entry {
        Some(entry) => photos::named_by(tx, entry, Origin::Answer)?,
        None => Vec::new(),
    };
    Ok(TaskView {
        leases,
        photos,
        ..view(tx, task, now)?
    })
}

/// What a supervisor asks of the field.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskBody {
    /// Names this request; `Idempotency-Key` does the same.
    pub request: Option<uuid::Uuid>,
    pub purpose: Purpose,
    /// What the worker is asked, in words.
    pub wording: String,
    /// WGS-84; or name the cell.
    pub place: Option<PointE7>,
    pub cell: Option<CellCode>,
    #[serde(default)]
    pub address: String,
    /// Deadline in Unix milliseconds; or give `minutes`. Without either the setting of the purpose.
    pub due: Option<Millis>,
    pub minutes: Option<u32>,
    /// The case that the question is about. Its answer informs; only the case's own tasks move it.
    pub case: Option<CaseId>,
    /// A photo of that case, or an attachment of one's own, to compare with.
    pub compare: Option<Sha256>,
}

/// A month: no question to the field waits longer.
const MOST_MINUTES: u32 = 60 * 24 * 31;

fn wrong(at: &str, zh: &str, en: &str) -> FieldError {
    FieldError {
        at: at.to_owned(),
        zh: zh.to_owned(),
        en: en.to_owned(),
    }
}

impl TaskBody {
    /// When it is due, or what is wrong with the body.
    fn check(&self, app: &App, now: Millis) -> Result<Millis, Failure> {
        let mut errors = Vec::new();
        let words = self.wording.trim().chars().count();
        if words == 0 || words > 1000 || self.wording.contains('\0') {
            errors.push(wrong(
                "/wording",
                "请写明要核实什么（1000 字以内）",
                "say what is asked, up to 1000 characters",
            ));
        }
        if self.address.chars().count() > 400 || self.address.contains('\0') {
            errors.push(wrong("/address", "地址过长", "the address is too long"));
        }
        if self.place.is_none() && self.cell.is_none() {
            errors.push(wrong("/place", "请给出地点或网格", "give a place or a cell"));
        }
        let minutes = |n: u32| now.plus(i64::from(n) * 60_000);
        let due = match (self.due, self.minutes) {
            (Some(due), None) => due,
            (None, Some(n)) => minutes(n),
            (None, None) if self.purpose == Purpose::Verify => minutes(app.settings.verify_minutes),
            (None, None) => minutes(app.settings.check_minutes),
            (Some(_), Some(_)) => {
                errors.push(wrong("/minutes", "时限只填一种", "give either due or minutes"));
                now
            }
        };
        if errors.is_empty() && (due <= now || due > minutes(MOST_MINUTES)) {
            errors.push(wrong(
                "/due",
                "时限须在现在之后、31 天之内",
                "the deadline lies between now and 31 days",
            ));
        }
        if errors.is_empty() {
            Ok(due)
        } else {
            Err(Failure::fields(ProblemCode::Invalid, errors))
        }
    }
}

/// The named photo: of the named case, or an attachment of the supervisor's own.
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
        if let Some(photo) = photos.into_iter().find(|p| p.sha256 == sha256 && p.held) {
            return Ok((photo.stream, sha256));
        }
    }
    if photos::is_uploaded_by(tx, sha256, staff.person)? {
        return Ok((None, sha256));
    }
    Err(Failure::fields(
        ProblemCode::Invalid,
        vec![wrong(
            "/compare",
            "没有这张照片",
            "neither the case nor your attachments hold this photo",
        )],
    ))
}

/// Sends a question to whoever is on duty at a place.
#[utoipa::path(post, path = "/v1/tasks", tag = "tasks", request_body = TaskBody,
    params(("idempotency-key" = Option<String>, Header, description = "names this request; done once only")),
    responses((status = 200, body = TaskView), (status = "4XX", body = Problem)))]
async fn create(
    State(app): State<App>,
    staff: Staff,
    headers: HeaderMap,
    Json(body): Json<TaskBody>,
) -> Result<Json<TaskView>, Failure> {
    let due = body.check(&app, app.clock.now())?;
    let request = repeat::request_of(&headers, &staff, body.request)?.map(|id| TaskId(id.0));
    let (cell, grid) =
        place::find(&app, body.place, body.cell)?.ok_or_else(|| Failure::of(ProblemCode::PlaceUnknown))?;
    staff.require(Role::Supervisor, cell.as_str())?;
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
                Err(Failure::fields(ProblemCode::Invalid, vec![repeat::reused()]))
            };
        }
        let file = match body.case {
            Some(case) => {
                let file = CaseFile::load(tx, case)?;
                staff.require(Role::Supervisor, &file.area)?;
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
            &id.to_string(),
            cell.as_str(),
        )?;
        let task = Task::load(tx, id)?;
        Ok(full(tx, &task, ctx.now)?)
    })
    .await
    .map(Json)
}

/// Which tasks to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TaskQuery {
    /// `nobody` is the list of what waits for somebody to check in.
    pub state: Option<TaskState>,
    /// Prefix of cell codes.
    pub area: Option<String>,
    pub after: Option<String>,
    pub limit: Option<u32>,
}

/// Tasks in reach, what is due first first.
#[utoipa::path(get, path = "/v1/tasks", tag = "tasks", params(TaskQuery),
    responses((status = 200, body = Page<TaskView>), (status = "4XX", body = Problem)))]
async fn tasks(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<TaskQuery>,
) -> Result<Json<Page<TaskView>>, Failure> {
    let limit = page::limit(query.limit);
    let now = app.clock.now();
    let mut condition = Where::default();
    condition.within("cell", &staff.areas(READERS));
    if let Some(state) = query.state {
        condition.one_of("state", [state.as_str()]);
    }
    if let Some(area) = query.area {
        condition.within("cell", &[area]);
    }
    if let Some(after) = &query.after {
        let bad = || {
            Failure::fields(
                ProblemCode::Invalid,
                vec![wrong("?after", "翻页位置无效", "no cursor of this list")],
            )
        };
        let (due, id) = after.split_once('.').ok_or_else(bad)?;
        let (due, id): (i64, TaskId) = (due.parse().map_err(|_| bad())?, id.parse().map_err(|_| bad())?);
        let (due, id) = (condition.bind(due), condition.bind(id.to_string()));
        condition.and(format!("(due, id) > ({due}, {id})"));
    }
    let most = condition.bind(limit + 1);
    let sql = format!(
        "SELECT {COLUMNS} FROM task {} ORDER BY due, id LIMIT {most}",
        condition.sql()
    );
    let rows = app
        .read(move |tx| {
            let tasks = tx.all(&sql, condition.values(), Task::read)?;
            Ok(tasks
                .iter()
                .map(|task| view(tx, task, now))
                .collect::<Result<Vec<_>, _>>()?)
        })
        .await?;
    Ok(Json(Page::cut(rows, limit, |row: &TaskView| {
        format!("{}.{}", row.due.0, row.id)
    })))
}

fn readable(tx: &mut Tx<'_>, staff: &Staff, id: TaskId) -> Result<Task, Failure> {
    let task = Task::load(tx, id)?;
    if READERS
        .iter()
        .any(|role| staff.may(*role, task.order.cell.as_str()))
    {
        Ok(task)
    } else {
        Err(Failure::of(ProblemCode::OutOfScope))
    }
}

/// A task, who had it when, and what was answered.
#[utoipa::path(get, path = "/v1/tasks/{id}", tag = "tasks", params(("id" = TaskId, Path)),
    responses((status = 200, body = TaskView), (status = "4XX", body = Problem)))]
async fn task(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<TaskId>,
) -> Result<Json<TaskView>, Failure> {
    let now = app.clock.now();
    app.read(move |tx| {
        let task = readable(tx, &staff, id)?;
        Ok(full(tx, &task, now)?)
    })
    .await
    .map(Json)
}

/// A photo of a task's answer.
#[utoipa::path(get, path = "/v1/tasks/{id}/photos/{sha256}", tag = "tasks",
    params(("id" = TaskId, Path), ("sha256" = Sha256, Path)),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 304), (status = "4XX", body = Problem)))]
async fn photo(
    State(app): State<App>,
    staff: Staff,
    Path((id, sha256)): Path<(TaskId, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let sha256: Sha256 = sha256.parse().map_err(|_| Failure::of(ProblemCode::NotFound))?;
    let photo = app
        .read(move |tx| {
            let task = readable(tx, &staff, id)?;
            let photos = match task.answer_entry {
                Some(entry) => photos::named_by(tx, entry, Origin::Answer)?,
                None => Vec::new(),
            };
            photos
                .into_iter()
                .find(|p| p.sha256 == sha256 && p.held)
                .ok_or_else(|| Failure::of(ProblemCode::NotFound))
        })
        .await?;
    photos::answer(&app, &photo, &headers).await
}

/// Why a task is taken back.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
pub struct CancelBody {
    #[serde(default)]
    pub reason: String,
}

/// Takes an open task back.
#[utoipa::path(post, path = "/v1/tasks/{id}/cancel", tag = "tasks", request_body = CancelBody,
    params(("id" = TaskId, Path)),
    responses((status = 200, body = TaskView), (status = "4XX", body = Problem)))]
async fn cancel(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<TaskId>,
    Json(body): Json<CancelBody>,
) -> Result<Json<TaskView>, Failure> {
    if body.reason.chars().count() > 1000 || body.reason.contains('\0') {
        return Err(Failure::fields(
            ProblemCode::Invalid,
            vec![wrong("/reason", "文字过长", "the text is too long")],
        ));
    }
    app.write(move |tx, ctx| {
        let mut task = Task::load(tx, id)?;
        staff.require(Role::Supervisor, task.order.cell.as_str())?;
        assign::cancel(tx, ctx, &mut task)?;
        audit::note(
            tx,
            ctx,
            Some(staff.person),
            "task.cancel",
            &id.to_string(),
            body.reason.trim(),
        )?;
        Ok(full(tx, &task, ctx.now)?)
    })
    .await
    .map(Json)
}
