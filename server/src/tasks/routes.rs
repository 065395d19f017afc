//! The operations on tasks.

use super::{
    assign, compare,
    privacy::{self, PersonalFound},
    rules::TaskLease,
    task::{COLUMNS, Task, leases},
};
use crate::{
    app::{
        audit,
        ordered::{KeyPart, ListSpan, OrderedTable, Scope, Strand},
        state::App,
        tally::CountedKind,
    },
    auth::actor::Staff,
    entries::flags::FlagName,
    http::{
        body::{Json, Path, Query},
        operation::Operations,
    },
    kernel::{
        failure::{Failure, invalid},
        page::{List, Page},
    },
    params,
    photos::view::{CasePhoto, Origin, answer, named_by},
    store::{error::StoreError, tx::Tx},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use protocol::{
    codes::CellCode,
    duty::{Answer, Purpose, TaskState},
    geo::PointE7,
    ids::{CaseId, EntryId, PersonId, PostId, TaskId},
    photo::Sha256,
    problem::{Problem, ProblemCode},
    role::Role,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

/// Roles that see tasks.
const READERS: &[Role] = &[
    Role::Supervisor,
    Role::Acceptor,
    Role::ShiftLeader,
    Role::CommandCentre,
];

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .staff(READERS, routes!(tasks))
        .staff(READERS, routes!(task))
        .staff(READERS, routes!(photo))
        .field(routes!(compare::by_hash))
        .staff(&[Role::Supervisor], routes!(cancel))
}

/// A period in which a post or person had a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LeaseView {
    pub post: PostId,
    pub person: PersonId,
    pub since: Millis,
    /// Absent while the lease is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
}

/// A task, as shown to staff.
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
    /// True if the task is not answered and its deadline has passed.
    pub overdue: bool,
    /// True if the answer was made after the deadline, by the best estimate of its time.
    pub answered_late: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<Sha256>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// True if the answer changes the state of the case.
    pub drives: bool,
    /// The post that has the task, or had it when it was closed.
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
    /// Flags of the answer: its clock, its position fix, its distance from the place, its photos.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answer_flags: Vec<FlagName>,
    /// Personal data in the wording and address, which handsets see masked; only in the view of one task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub personal: Vec<PersonalFound>,
    /// Leases; only in the view of one task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<LeaseView>,
    /// Photos of the answer; only in the view of one task.
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
    let mut answer_flags = match task.answer_entry {
        Some(entry) => FlagName::of_entry(tx, entry)?,
        None => Vec::new(),
    };
    answer_flags.extend(task.answer_flags.iter().map(|flag| FlagName::of(flag.as_str())));
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
        answered_late: task.answered.is_some_and(|at| at > o.due),
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
        personal: Vec::new(),
        leases: Vec::new(),
        photos: Vec::new(),
    })
}

/// The task with its leases and the photos of its answer.
pub(crate) fn full(tx: &mut Tx<'_>, task: &Task, now: Millis) -> Result<TaskView, StoreError> {
    let lease = |l: TaskLease| LeaseView {
        post: l.post,
        person: l.person,
        since: l.since,
        until: l.until,
    };
    let leases = leases(tx, task.id)?.into_iter().map(lease).collect();
    let photos = match task.answer_entry {
        Some(entry) => named_by(tx, entry, Origin::Answer)?,
        None => Vec::new(),
    };
    let masker = privacy::masker(tx, task.order.case)?;
    let mut personal = privacy::found("/wording", &task.order.wording, false, &masker);
    personal.extend(privacy::found("/address", &task.order.address, false, &masker));
    Ok(TaskView {
        personal,
        leases,
        photos,
        ..view(tx, task, now)?
    })
}

/// Which tasks to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TaskQuery {
    /// `nobody` lists the tasks for whose cell nobody is on duty.
    pub state: Option<TaskState>,
    /// Prefix of cell codes.
    pub area: Option<String>,
    pub after: Option<String>,
    pub limit: Option<u32>,
}

const TABLE: OrderedTable = OrderedTable {
    name: "task",
    id: "id",
    place: "cell",
    counted: CountedKind::Task,
};

/// Tasks in the caller's areas, earliest deadline first.
#[utoipa::path(get, path = "/v1/tasks", tag = "tasks", params(TaskQuery),
    responses((status = 200, body = Page<TaskView>), (status = "4XX", body = Problem)))]
async fn tasks(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<TaskQuery>,
) -> Result<Json<Page<TaskView>>, Failure> {
    let list = List::new(query.limit, query.after.as_deref())?;
    let now = app.clock.now();
    let states = query
        .state
        .map_or_else(|| TaskState::ALL.to_vec(), |state| vec![state]);
    let strand = |state: &TaskState| Strand {
        state: state.as_str(),
        part: "",
        key: [KeyPart::Column("due"), KeyPart::Is(0)],
    };
    let strands: Vec<Strand> = states.iter().map(strand).collect();
    let scope = Scope::of(staff.areas(READERS), query.area.as_deref());
    let reading = ListSpan::of(&list, |(due, id): &(i64, TaskId)| (*due, 0, id.to_string()));
    app.read(move |tx| {
        let tasks = TABLE.rows(tx, &strands, &scope, &reading, COLUMNS, Task::read)?;
        let rows = tasks
            .iter()
            .map(|task| view(tx, task, now))
            .collect::<Result<Vec<_>, _>>()?;
        list.page(rows, |row| (row.due.0, row.id))
    })
    .await
    .map(Json)
}

fn readable(tx: &mut Tx<'_>, staff: &Staff, id: TaskId) -> Result<Task, Failure> {
    let task = Task::load(tx, id)?;
    if READERS.iter().any(|role| staff.may(*role, task.order.cell)) {
        Ok(task)
    } else {
        Err(Failure::of(ProblemCode::OutOfScope))
    }
}

/// A task with its leases and its answer.
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
    let by = staff.clone();
    let photo = app
        .read(move |tx| {
            let task = readable(tx, &by, id)?;
            let photos = match task.answer_entry {
                Some(entry) => named_by(tx, entry, Origin::Answer)?,
                None => Vec::new(),
            };
            let photo = photos.into_iter().find(|p| p.sha256 == sha256 && p.held);
            photo.ok_or_else(|| Failure::of(ProblemCode::NotFound))
        })
        .await?;
    answer(&app, &staff, format!("task:{id}"), &photo, &headers).await
}

/// Why a task is cancelled.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
pub struct CancelBody {
    #[serde(default)]
    pub reason: String,
}

/// Cancels an open task.
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
        return Err(invalid("/reason", "文字过长", "the text is too long"));
    }
    app.write(move |tx, ctx| {
        let mut task = Task::load(tx, id)?;
        staff.require(Role::Supervisor, task.order.cell)?;
        assign::cancel(tx, ctx, &mut task)?;
        audit::note(
            tx,
            ctx,
            Some(staff.person),
            "task.cancel",
            &format!("task:{id}"),
            body.reason.trim(),
        )?;
        Ok(full(tx, &task, ctx.now)?)
    })
    .await
    .map(Json)
}
