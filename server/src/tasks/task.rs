//! The tables `task` and `task_lease`.

use super::rules::TaskLease;
use crate::{
    app::{ctx::Ctx, tally::CountedKind},
    entries::flags::{self, Flag},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx, value::Row},
};
use protocol::{
    codes::{CellCode, GridVersion},
    duty::{Answer, Purpose, TaskState},
    geo::PointE7,
    ids::{CaseId, EntryId, PersonId, PostId, StreamId, TaskId},
    photo::Sha256,
    problem::ProblemCode,
    time::Millis,
};

/// The content of a task: what the field is asked to do.
#[derive(Debug, Clone)]
pub struct Order {
    pub purpose: Purpose,
    pub wording: String,
    pub cell: CellCode,
    pub grid: Option<GridVersion>,
    pub place: Option<PointE7>,
    pub address: String,
    pub due: Millis,
    /// A photo to compare with: of a stream, or (`None`) an attachment of staff.
    pub compare: Option<(Option<StreamId>, Sha256)>,
    pub case: Option<CaseId>,
    /// Whether the answer moves the case (T3, T13).
    pub drives: bool,
    /// `None`: the system.
    pub issued_by: Option<PersonId>,
}

/// A task.
#[derive(Debug, Clone)]
pub struct Task {
    pub id: TaskId,
    pub order: Order,
    pub state: TaskState,
    /// Who has the task, or had it when it was closed.
    pub holder: Option<(PostId, PersonId)>,
    pub issued: Millis,
    /// When the holder last changed.
    pub resolved: Millis,
    pub answer: Option<Answer>,
    pub answer_text: Option<String>,
    pub answer_entry: Option<EntryId>,
    pub answered_by: Option<PersonId>,
    pub answered: Option<Millis>,
    /// Doubts about the answer besides those about its entry.
    pub answer_flags: Vec<Flag>,
    pub version: i64,
}

pub(super) const COLUMNS: &str = "id, purpose, wording, cell, grid, lat, lon, address, due, compare_stream, compare, case_id, state, \
     post, holder, issued, issued_by, resolved, answer, answer_text, answer_entry, answered_by, answered, \
     answer_flags, drives, version";

impl Task {
    /// A new task without a holder.
    pub fn new(ctx: &mut Ctx, order: Order) -> Self {
        Self {
            id: ctx.task_id(),
            order,
            state: TaskState::Nobody,
            holder: None,
            issued: ctx.now,
            resolved: ctx.now,
            answer: None,
            answer_text: None,
            answer_entry: None,
            answered_by: None,
            answered: None,
            answer_flags: Vec::new(),
            version: 1,
        }
    }

    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        let (lat, lon): (Option<i32>, Option<i32>) = (row.get("lat")?, row.get("lon")?);
        let compare: Option<Sha256> = row.parse_opt("compare")?;
        let stream: Option<StreamId> = row.parse_opt("compare_stream")?;
        let post: Option<PostId> = row.parse_opt("post")?;
        let issued_by: String = row.get("issued_by")?;
        Ok(Self {
            id: row.parse("id")?,
            order: Order {
                purpose: row.parse("purpose")?,
                wording: row.get("wording")?,
                cell: row.parse("cell")?,
                grid: row.get::<Option<String>>("grid")?.map(GridVersion),
                place: lat.zip(lon).map(|(lat, lon)| PointE7 { lat, lon }),
                address: row.get("address")?,
                due: Millis(row.get("due")?),
                compare: compare.map(|sha256| (stream, sha256)),
                case: row.parse_opt("case_id")?,
                drives: row.get("drives")?,
                issued_by: issued_by.parse().ok(),
            },
            state: row.parse("state")?,
            holder: post.zip(row.parse_opt("holder")?),
            issued: Millis(row.get("issued")?),
            resolved: Millis(row.get("resolved")?),
            answer: row.parse_opt("answer")?,
            answer_text: row.get("answer_text")?,
            answer_entry: row.parse_opt("answer_entry")?,
            answered_by: row.parse_opt("answered_by")?,
            answered: row.get::<Option<i64>>("answered")?.map(Millis),
            answer_flags: flags::of_codes(row.get::<Option<String>>("answer_flags")?.as_deref()),
            version: row.get("version")?,
        })
    }

    /// Loads the task if it exists.
    pub fn find(tx: &mut Tx<'_>, id: TaskId) -> Result<Option<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM task WHERE id = ?1");
        tx.opt(&sql, params![id.to_string()], Self::read)
    }
    /// Loads the task that this answer closed.
    pub fn answered_by_entry(tx: &mut Tx<'_>, answer: EntryId) -> Result<Option<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM task WHERE answer_entry = ?1");
        tx.opt(&sql, params![answer.to_string()], Self::read)
    }
    /// Loads the task; `request.not_found` if there is none.
    pub fn load(tx: &mut Tx<'_>, id: TaskId) -> Result<Self, Failure> {
        Self::find(tx, id)?.ok_or_else(|| Failure::of(ProblemCode::NotFound))
    }

    pub(super) fn insert(&self, tx: &mut Tx<'_>, ctx: &mut Ctx) -> Result<(), StoreError> {
        let o = &self.order;
        ctx.tally.add(CountedKind::Task, o.cell, self.state.as_str(), 1);
        tx.run(
            "INSERT INTO task (id, purpose, wording, cell, grid, lat, lon, address, due, compare_stream, compare,
                 case_id, state, issued, issued_by, resolved, drives, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            params![
                self.id.to_string(),
                o.purpose.as_str(),
                &o.wording,
                o.cell.to_string(),
                o.grid.as_ref().map(|g| g.0.clone()),
                o.place.map(|p| p.lat),
                o.place.map(|p| p.lon),
                &o.address,
                o.due.0,
                o.compare.and_then(|(stream, _)| stream).map(|s| s.to_string()),
                o.compare.map(|(_, sha256)| sha256.to_string()),
                o.case.map(|c| c.to_string()),
                self.state.as_str(),
                self.issued.0,
                o.issued_by.map_or_else(|| "system".to_owned(), |p| p.to_string()),
                self.resolved.0,
                o.drives,
                self.version
            ],
        )?;
        Ok(())
    }

    /// Writes the columns that may change and increments the version.
    pub(super) fn update(&mut self, tx: &mut Tx<'_>, ctx: &mut Ctx) -> Result<(), StoreError> {
        self.version += 1;
        let before: TaskState = tx.one(
            "SELECT state FROM task WHERE id = ?1",
            params![self.id.to_string()],
            |row| row.parse("state"),
        )?;
        let cell = self.order.cell;
        ctx.tally.moved(
            CountedKind::Task,
            Some((cell, before.as_str())),
            (cell, self.state.as_str()),
        );
        tx.run(
            "UPDATE task SET state = ?2, post = ?3, holder = ?4, resolved = ?5, answer = ?6, answer_text = ?7,
                 answer_entry = ?8, answered_by = ?9, answered = ?10, version = ?11, answer_flags = ?12
             WHERE id = ?1",
            params![
                self.id.to_string(),
                self.state.as_str(),
                self.holder.map(|(post, _)| post.to_string()),
                self.holder.map(|(_, person)| person.to_string()),
                self.resolved.0,
                self.answer.map(|a| a.as_str()),
                &self.answer_text,
                self.answer_entry.map(|e| e.to_string()),
                self.answered_by.map(|p| p.to_string()),
                self.answered.map(|t| t.0),
                self.version,
                flags::codes(&self.answer_flags)
            ],
        )?;
        Ok(())
    }
}

/// Stores the corrected time of an answer.
pub(crate) fn time_corrected(tx: &mut Tx<'_>, answer: EntryId, at: Millis) -> Result<(), StoreError> {
    tx.run(
        "UPDATE task SET answered = ?2 WHERE answer_entry = ?1",
        params![answer.to_string(), at.0],
    )?;
    Ok(())
}

/// The leases of a task, in order.
pub(crate) fn leases(tx: &mut Tx<'_>, task: TaskId) -> Result<Vec<TaskLease>, StoreError> {
    tx.all(
        "SELECT post, person, since, until FROM task_lease WHERE task = ?1 ORDER BY seq",
        params![task.to_string()],
        |row| {
            Ok(TaskLease {
                post: row.parse("post")?,
                person: row.parse("person")?,
                since: Millis(row.get("since")?),
                until: row.get::<Option<i64>>("until")?.map(Millis),
            })
        },
    )
}

/// Ends the running lease, if there is one.
pub(super) fn end_lease(tx: &mut Tx<'_>, task: TaskId, now: Millis) -> Result<(), StoreError> {
    tx.run(
        "UPDATE task_lease SET until = ?2 WHERE task = ?1 AND until IS NULL",
        params![task.to_string(), now.0],
    )?;
    Ok(())
}

/// Begins a lease.
pub(super) fn begin_lease(
    tx: &mut Tx<'_>,
    task: TaskId,
    (post, person): (PostId, PersonId),
    now: Millis,
) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO task_lease (task, seq, post, person, since)
         SELECT CAST(?1 AS TEXT), COALESCE(MAX(seq), 0) + 1, CAST(?2 AS TEXT), CAST(?3 AS TEXT), CAST(?4 AS BIGINT)
         FROM task_lease WHERE task = ?1",
        params![task.to_string(), post.to_string(), person.to_string(), now.0],
    )?;
    Ok(())
}
