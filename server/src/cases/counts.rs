//! Exact counts of cases, entries, photos, tasks and activity records in the reader's reach, for monitoring and for
//! comparison from outside.

use crate::{
    app::state::App,
    auth::actor::Staff,
    duty::on_duty,
    http::body::{Json, Query},
    kernel::{
        failure::Failure,
        page::{List, Page, Where},
    },
    store::{error::StoreError, tx::Tx},
};
use axum::extract::State;
use protocol::{area::Area, ids::StreamId, problem::Problem, role::Role, time::Millis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Roles that may read the counts.
pub const READERS: &[Role] = &[
    Role::Acceptor,
    Role::ShiftLeader,
    Role::CommandCentre,
    Role::Supervisor,
    Role::Admin,
];

/// Number of photos that entries refer to (each counted once per stream), and number of those that the server holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PhotoCount {
    pub named: u64,
    pub held: u64,
}

/// Counts from one consistent read of the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Counts {
    pub at: Millis,
    /// By state of the case.
    pub cases: BTreeMap<String, u64>,
    /// By disposition of the entry.
    pub entries: BTreeMap<String, u64>,
    pub photos: PhotoCount,
    /// By state of the task.
    pub tasks: BTreeMap<String, u64>,
    /// By state of the record.
    pub activities: BTreeMap<String, u64>,
    /// Persons on duty.
    pub on_duty: u64,
}

/// Entries and photos received from one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StreamCount {
    pub stream: StreamId,
    /// Number of the post.
    pub post: String,
    pub entries: u64,
    /// Highest entry number; equal to `entries` if no entry is missing.
    pub last: u64,
    pub photos: PhotoCount,
}

/// SQL for the streams whose post's unit is in the caller's areas; the caller appends the rest of the query.
fn streams_within(areas: &[Area]) -> Where {
    let mut condition = Where::default();
    condition.within("o.area", areas);
    condition
}

fn by_state(tx: &mut Tx<'_>, sql: &str, condition: &Where) -> Result<BTreeMap<String, u64>, StoreError> {
    let rows = tx.all(sql, condition.values(), |row| {
        Ok((row.get("state")?, row.get("n")?))
    })?;
    Ok(rows.into_iter().collect())
}

fn photos(tx: &mut Tx<'_>, condition: &Where) -> Result<PhotoCount, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) AS named, COUNT(p.received) AS held
         FROM (SELECT DISTINCT e.stream, e.sha256 FROM entry_photo e
               JOIN stream s ON s.id = e.stream JOIN post q ON q.id = s.post JOIN org o ON o.id = q.org {}) x
         LEFT JOIN photo p ON p.stream = x.stream AND p.sha256 = x.sha256",
        condition.sql()
    );
    tx.one(&sql, condition.values(), |row| {
        Ok(PhotoCount {
            named: row.get("named")?,
            held: row.get("held")?,
        })
    })
}

/// Counts by state in the caller's areas.
#[utoipa::path(get, path = "/v1/counts", tag = "counts",
    responses((status = 200, body = Counts), (status = "4XX", body = Problem)))]
pub async fn counts(State(app): State<App>, staff: Staff) -> Result<Json<Counts>, Failure> {
    let now = app.clock.now();
    let areas = staff.areas(READERS);
    app.read(move |tx| {
        let within = |column: &str| {
            let mut condition = Where::default();
            condition.within(column, &areas);
            condition
        };
        let (area, cell, unit) = (within("area"), within("cell"), streams_within(&areas));
        let grouped = |table: &str, condition: &Where| {
            format!(
                "SELECT state, COUNT(*) AS n FROM {table} {} GROUP BY state",
                condition.sql()
            )
        };
        let entries = format!(
            "SELECT e.state, COUNT(*) AS n FROM entry e JOIN stream s ON s.id = e.stream
             JOIN post q ON q.id = s.post JOIN org o ON o.id = q.org {} GROUP BY e.state",
            unit.sql()
        );
        Ok(Counts {
            at: now,
            cases: by_state(tx, &grouped("case_file", &area), &area)?,
            entries: by_state(tx, &entries, &unit)?,
            photos: photos(tx, &unit)?,
            tasks: by_state(tx, &grouped("task", &cell), &cell)?,
            activities: by_state(tx, &grouped("activity", &area), &area)?,
            on_duty: on_duty::count(tx, now, &areas)?,
        })
    })
    .await
    .map(Json)
}

/// Where to read on.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    pub after: Option<String>,
    pub limit: Option<u32>,
}

/// Entries and photos by stream, to be compared with the counts of each handset.
#[utoipa::path(get, path = "/v1/counts/streams", tag = "counts", params(StreamQuery),
    responses((status = 200, body = Page<StreamCount>), (status = "4XX", body = Problem)))]
pub async fn streams(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<StreamQuery>,
) -> Result<Json<Page<StreamCount>>, Failure> {
    let list = List::new(query.limit, query.after.as_deref())?;
    let condition = streams_within(&staff.areas(READERS));
    let select = "SELECT s.id, q.number, (SELECT COUNT(*) FROM entry e WHERE e.stream = s.id) AS entries,
             (SELECT COALESCE(MAX(e.n), 0) FROM entry e WHERE e.stream = s.id) AS last
         FROM stream s JOIN post q ON q.id = s.post JOIN org o ON o.id = q.org";
    app.read(move |tx| {
        let mut rows = list.rows(tx, (select, "s.id"), &condition, |row| {
            Ok(StreamCount {
                stream: row.parse("id")?,
                post: row.get("number")?,
                entries: row.get("entries")?,
                last: row.get("last")?,
                photos: PhotoCount::default(),
            })
        })?;
        for row in &mut rows {
            let mut own = Where::default();
            own.one_of("e.stream", [row.stream.to_string()]);
            row.photos = photos(tx, &own)?;
        }
        list.page(rows, |row| (row.stream,))
    })
    .await
    .map(Json)
}
