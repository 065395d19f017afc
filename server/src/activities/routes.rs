//! The operations on activity records.

use super::{
    months,
    records::{self, ActivityView, COLUMNS, Record},
    rules::{self, Standing},
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
        operation::Operations,
    },
    kernel::{
        failure::{Failure, invalid},
        page::{List, Page},
    },
    params,
    photos::view::{self, Origin},
    store::tx::Tx,
};
use axum::{extract::State, http::HeaderMap, response::Response};
use protocol::{
    area::Area,
    ids::RecordId,
    photo::Sha256,
    problem::{Problem, ProblemCode},
    role::Role,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

/// Roles that read records; only supervisors review them.
const READERS: &[Role] = &[Role::Supervisor, Role::ShiftLeader];

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .staff(READERS, routes!(activities))
        .staff(months::READERS, routes!(months::months))
        .staff(READERS, routes!(activity))
        .staff(READERS, routes!(photo))
        .staff(&[Role::Supervisor], routes!(review))
}

/// Which records to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActivityQuery {
    pub state: Option<Standing>,
    /// Prefix of cell codes.
    pub area: Option<String>,
    pub after: Option<String>,
    pub limit: Option<u32>,
}

const TABLE: OrderedTable = OrderedTable {
    name: "activity",
    id: "record",
    place: "area",
    counted: CountedKind::Activity,
};

/// Activity records in the caller's areas, the longest waiting first.
#[utoipa::path(get, path = "/v1/activities", tag = "activities", params(ActivityQuery),
    responses((status = 200, body = Page<ActivityView>), (status = "4XX", body = Problem)))]
async fn activities(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<ActivityQuery>,
) -> Result<Json<Page<ActivityView>>, Failure> {
    let list = List::new(query.limit, query.after.as_deref())?;
    let states = query
        .state
        .map_or_else(|| Standing::ALL.to_vec(), |state| vec![state]);
    let strand = |state: &Standing| Strand {
        state: state.as_str(),
        part: "",
        key: [KeyPart::Column("updated"), KeyPart::Is(0)],
    };
    let strands: Vec<Strand> = states.iter().map(strand).collect();
    let scope = Scope::of(staff.areas(READERS), query.area.as_deref());
    let reading = ListSpan::of(&list, |(updated, id): &(i64, RecordId)| {
        (*updated, 0, id.to_string())
    });
    let parts = app.clone();
    app.read(move |tx| {
        let found = TABLE.rows(tx, &strands, &scope, &reading, COLUMNS, Record::read)?;
        let rows = found
            .into_iter()
            .map(|r| records::view(tx, &parts, r))
            .collect::<Result<Vec<_>, _>>()?;
        list.page(rows, |row| (row.updated.0, row.record))
    })
    .await
    .map(Json)
}

fn readable(tx: &mut Tx<'_>, staff: &Staff, id: RecordId) -> Result<Record, Failure> {
    let record = Record::load(tx, id)?;
    if READERS.iter().any(|role| staff.may(*role, record.area)) {
        Ok(record)
    } else {
        Err(Failure::of(ProblemCode::OutOfScope))
    }
}

fn full(tx: &mut Tx<'_>, app: &App, record: Record) -> Result<ActivityView, Failure> {
    let reviews = records::reviews(tx, record.record)?;
    Ok(ActivityView {
        reviews,
        ..records::view(tx, app, record)?
    })
}

/// An activity record with its photos and reviews.
#[utoipa::path(get, path = "/v1/activities/{record}", tag = "activities", params(("record" = RecordId, Path)),
    responses((status = 200, body = ActivityView), (status = "4XX", body = Problem)))]
async fn activity(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<RecordId>,
) -> Result<Json<ActivityView>, Failure> {
    let parts = app.clone();
    app.read(move |tx| {
        let record = readable(tx, &staff, id)?;
        full(tx, &parts, record)
    })
    .await
    .map(Json)
}

/// A photo of an activity record.
#[utoipa::path(get, path = "/v1/activities/{record}/photos/{sha256}", tag = "activities",
    params(("record" = RecordId, Path), ("sha256" = Sha256, Path)),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 304), (status = "4XX", body = Problem)))]
async fn photo(
    State(app): State<App>,
    staff: Staff,
    Path((id, sha256)): Path<(RecordId, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let sha256: Sha256 = sha256.parse().map_err(|_| Failure::of(ProblemCode::NotFound))?;
    let by = staff.clone();
    let photo = app
        .read(move |tx| {
            let record = readable(tx, &by, id)?;
            view::named_by(tx, record.entry, Origin::Report)?
                .into_iter()
                .find(|p| p.sha256 == sha256 && p.held)
                .ok_or_else(|| Failure::of(ProblemCode::NotFound))
        })
        .await?;
    view::answer(&app, &staff, format!("record:{id}"), &photo, &headers).await
}

/// What a reviewer decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityDecision {
    /// 通过
    Approve,
    /// 退回
    Return,
}

impl ActivityDecision {
    const fn state(self) -> Standing {
        match self {
            Self::Approve => Standing::Approved,
            Self::Return => Standing::Returned,
        }
    }
}

/// A review of one version of a record.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewBody {
    pub version: u32,
    pub decision: ActivityDecision,
    /// Required when a record is returned. The author reads this text.
    #[serde(default)]
    pub reason: String,
}

/// Checks that the reviewer is not the author and that a grant of the reviewer is above the unit that hosts the activity.
/// Returns the areas of that grant and of the host. Error: `activity.level`.
fn from_above(tx: &mut Tx<'_>, staff: &Staff, record: &Record) -> Result<(Area, Area), Failure> {
    let host = records::host(tx, record.post)?.area;
    let above = staff
        .areas(&[Role::Supervisor])
        .into_iter()
        .find(|area| rules::may_review(*area, host));
    above
        .filter(|_| record.author != staff.person)
        .map(|above| (above, host))
        .ok_or_else(|| Failure::of(ProblemCode::ActivityLevel))
}

/// Approves an activity record or returns it with a reason. If the same person repeats the decision, the answer is
/// the same. Only a unit above the host reviews (SP-03, SP-05); error `activity.level`.
#[utoipa::path(post, path = "/v1/activities/{record}/review", tag = "activities", request_body = ReviewBody,
    params(("record" = RecordId, Path)),
    responses((status = 200, body = ActivityView), (status = "4XX", body = Problem)))]
async fn review(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<RecordId>,
    Json(body): Json<ReviewBody>,
) -> Result<Json<ActivityView>, Failure> {
    let reason = body.reason.trim().to_owned();
    if body.decision == ActivityDecision::Return && reason.is_empty() {
        return Err(invalid(
            "/reason",
            "退回时请写明原因",
            "enter the reason why the record is returned",
        ));
    }
    if reason.chars().count() > 2000 || reason.contains('\0') {
        return Err(invalid("/reason", "文字过长", "the text is too long"));
    }
    let parts = app.clone();
    app.write(move |tx, ctx| {
        let mut record = Record::load(tx, id)?;
        staff.require(Role::Supervisor, record.area)?;
        let (above, host) = from_above(tx, &staff, &record)?;
        let wanted = body.decision.state();
        let again = wanted == Standing::Approved
            && rules::is_approved_below(record.state, record.approved_from, host);
        if !again
            && record.version == body.version
            && record.state == wanted
            && record.reviewed_by == Some(staff.person)
            && record.reason.as_deref().unwrap_or_default() == reason
        {
            return full(tx, &parts, record);
        }
        if record.state != Standing::Submitted && !again {
            return Err(Failure::because(
                ProblemCode::ActivityState,
                format!("活动记录现为「{}」", record.state.zh()),
            ));
        }
        if record.version != body.version {
            return Err(Failure::because(
                ProblemCode::ActivityChanged,
                format!("活动记录现为第 {} 版", record.version),
            ));
        }
        record.state = wanted;
        record.reason = Some(reason.clone()).filter(|r| !r.is_empty());
        record.reviewed_by = Some(staff.person);
        record.reviewed = Some(ctx.now);
        record.approved_from = Some(above).filter(|_| wanted == Standing::Approved);
        record.updated = ctx.now;
        record.save(tx, ctx)?;
        // An approval that counts replaces one that does not; the audit log has both.
        tx.run(
            "INSERT INTO activity_review (record, version, state, reason, person, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (record, version) DO UPDATE SET state = excluded.state, reason = excluded.reason,
                 person = excluded.person, at = excluded.at",
            params![
                id.to_string(),
                record.version,
                wanted.as_str(),
                &record.reason,
                staff.person.to_string(),
                ctx.now.0
            ],
        )?;
        record.tell_author(ctx)?;
        let entity = format!("record:{id}");
        audit::note(tx, ctx, Some(staff.person), "activity.review", &entity, wanted.as_str())?;
        full(tx, &parts, record)
    })
    .await
    .map(Json)
}
