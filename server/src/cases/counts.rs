//! Exact counts of cases, entries, photos, tasks and activity records in the reader's reach, for monitoring and for
//! comparison from outside.

use crate::{
    app::{
        state::App,
        tally::{self, CountedKind},
    },
    auth::actor::Staff,
    duty::on_duty,
    http::body::{Json, Query},
    kernel::{
        failure::Failure,
        page::{List, Page, Where},
    },
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

/// `all` photos without those of sealed parcels that no entry names.
fn photos(all: &tally::ByState, unnamed: &tally::ByState) -> PhotoCount {
    let of = |state: &str| {
        let without = unnamed.get(state).copied().unwrap_or(0);
        all.get(state).copied().unwrap_or(0).saturating_sub(without)
    };
    PhotoCount {
        named: of(tally::NAMED),
        held: of(tally::HELD),
    }
}

/// Counts by state in the caller's areas.
#[utoipa::path(get, path = "/v1/counts", tag = "counts",
    responses((status = 200, body = Counts), (status = "4XX", body = Problem)))]
pub async fn counts(State(app): State<App>, staff: Staff) -> Result<Json<Counts>, Failure> {
    let now = app.clock.now();
    let areas = staff.areas(READERS);
    app.read(move |tx| {
        Ok(Counts {
            at: now,
            cases: tally::of_areas(tx, CountedKind::Case, &areas)?,
            entries: tally::of_streams(tx, CountedKind::Entry, &areas)?,
            photos: photos(
                &tally::of_streams(tx, CountedKind::Photo, &areas)?,
                &tally::of_streams(tx, CountedKind::Unnamed, &areas)?,
            ),
            tasks: tally::of_areas(tx, CountedKind::Task, &areas)?,
            activities: tally::of_areas(tx, CountedKind::Activity, &areas)?,
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
    let select =
        "SELECT s.id, q.number, (SELECT COALESCE(MAX(e.n), 0) FROM entry e WHERE e.stream = s.id) AS last
         FROM stream s JOIN post q ON q.id = s.post JOIN org o ON o.id = q.org";
    app.read(move |tx| {
        let mut rows = list.rows(tx, (select, "s.id"), &condition, |row| {
            Ok(StreamCount {
                stream: row.parse("id")?,
                post: row.get("number")?,
                entries: 0,
                last: row.get("last")?,
                photos: PhotoCount::default(),
            })
        })?;
        for row in &mut rows {
            row.entries = tally::of_stream(tx, CountedKind::Entry, row.stream)?
                .into_values()
                .sum();
            row.photos = photos(
                &tally::of_stream(tx, CountedKind::Photo, row.stream)?,
                &tally::of_stream(tx, CountedKind::Unnamed, row.stream)?,
            );
        }
        list.page(rows, |row| (row.stream,))
    })
    .await
    .map(Json)
}
