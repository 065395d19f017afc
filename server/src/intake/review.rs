//! The review queue (转人工核对): entries that are late, conflict with another action, or come from an unverified person.
//! A reviewer decides; no entry is applied silently or dropped.

use super::{
    apply::{self, ApplyOutcome, By},
    disposition,
    held::{self, DueEntry},
    readers::{REVIEWERS, reach},
    reasons,
};
use crate::{
    app::{audit, ctx::Ctx, state::App},
    auth::actor::Staff,
    cases::answers,
    entries::{
        reviewer::Reviewer,
        row::{EntryRow, EntryState},
    },
    http::body::{Json, Path, Query},
    kernel::{
        failure::{Failure, invalid},
        page::{List, Page, Where},
    },
    params,
    store::tx::Tx,
};
use axum::extract::State;
use protocol::{
    area::Area,
    entry::{Disposition, DispositionState, Reason},
    evidence::TrustedTime,
    ids::{EntryId, PersonId, PostId, RecordId, StreamId},
    payload::Payload,
    photo::Sha256,
    problem::{Problem, ProblemCode, ReasonCode},
    time::Millis,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// An entry that needs a person's decision.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReviewItem {
    pub entry: EntryId,
    pub stream: StreamId,
    pub n: u64,
    pub kind: String,
    pub record: RecordId,
    /// Holder of the stream that sent the entry. The author that the entry states is in `content`.
    pub author: PersonId,
    pub author_name: String,
    pub post: PostId,
    pub post_name: String,
    pub state: EntryState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    pub received: Millis,
    pub made: TrustedTime,
    /// The complete entry, as it was sent.
    #[schema(value_type = Object)]
    pub content: serde_json::Value,
    /// SHA-256 of the entry's photos that have arrived.
    pub photos_held: Vec<Sha256>,
}

/// A page of the review queue.
pub type ReviewPage = Page<ReviewItem>;

/// What the reviewer decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryDecision {
    Apply,
    Reject,
}

/// `POST /v1/review/{entry}`
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReviewDecision {
    pub decision: EntryDecision,
    /// Text for the author; required when an entry is rejected.
    #[serde(default)]
    pub reason: String,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    pub(super) after: Option<String>,
    pub(super) limit: Option<u32>,
}

/// Condition of the queue: undecided, or stuck because the server failed or another entry is missing. Its last line is the
/// condition of the index `entry_unsettled`.
const IN_QUEUE: &str = "(e.state = 'review'
    OR (e.state = 'held' AND e.code IN ('server.apply_failed', 'entry.waiting')))
    AND e.state NOT IN ('applied', 'rejected')";

/// Entries that wait for a person's decision, of the posts in the caller's areas, oldest first and in order within
/// each stream.
#[utoipa::path(
    get, path = "/v1/review", tag = "review", params(Paging),
    responses((status = 200, body = Page<ReviewItem>), (status = 403, body = Problem))
)]
pub(super) async fn list(
    State(app): State<App>,
    staff: Staff,
    Query(paging): Query<Paging>,
) -> Result<Json<ReviewPage>, Failure> {
    let list = List::new(paging.limit, paging.after.as_deref())?;
    let areas = staff.areas(REVIEWERS);
    app.read(move |tx| {
        let mut filter = Where::default();
        filter.and(IN_QUEUE);
        filter.within("o.area", &areas);
        let select =
            "SELECT e.id, e.stream, e.n, e.sha256, e.kind, e.record, s.person, s.post, e.state, e.reason,
                        e.received, e.made_at, e.uncertainty, e.basis, length(e.bytes) AS size,
                        h.name AS author_name, p.name AS post_name
                 FROM entry e JOIN stream s ON s.id = e.stream JOIN post p ON p.id = s.post
                 JOIN org o ON o.id = p.org JOIN person h ON h.id = s.person";
        let rows = list.rows(tx, (select, "e.received, e.stream, e.n"), &filter, |row| {
            let size: i64 = row.get("size")?;
            let names = (row.get::<String>("author_name")?, row.get::<String>("post_name")?);
            Ok(((EntryRow::read(row)?, names), usize::try_from(size).unwrap_or(0)))
        })?;
        let whole = |(row, (author_name, post_name)): (EntryRow, (String, String))| {
            let bytes: Vec<u8> = tx.one(
                "SELECT bytes FROM entry WHERE id = ?1",
                params![row.id.to_string()],
                |row| row.get("bytes"),
            )?;
            let photos_held = tx.all(
                "SELECT p.sha256 FROM entry_photo e
                 JOIN photo p ON p.stream = e.stream AND p.sha256 = e.sha256
                 WHERE e.entry = ?1 AND p.received IS NOT NULL ORDER BY e.position",
                params![row.id.to_string()],
                |row| row.parse("sha256"),
            )?;
            Ok(item(row, &bytes, author_name, post_name, photos_held))
        };
        list.page_of_large(rows, whole, |item| {
            (item.received.0, item.stream, item.n.cast_signed())
        })
    })
    .await
    .map(Json)
}

fn item(
    row: EntryRow,
    bytes: &[u8],
    author_name: String,
    post_name: String,
    photos_held: Vec<Sha256>,
) -> ReviewItem {
    ReviewItem {
        entry: row.id,
        stream: row.stream,
        n: row.n,
        kind: row.kind,
        record: row.record,
        author: row.author,
        author_name,
        post: row.post,
        post_name,
        state: row.state,
        reason: row.reason,
        received: row.received,
        made: row.made,
        content: serde_json::from_slice(bytes).unwrap_or_default(),
        photos_held,
    }
}

/// Decides about an entry in the review queue. The entry's author reads the reviewer's text. If the rules for this
/// kind of entry refuse the decision, nothing changes.
#[utoipa::path(
    post, path = "/v1/review/{entry}", tag = "review",
    params(("entry" = EntryId, Path)),
    request_body = ReviewDecision,
    responses(
        (status = 200, body = Disposition),
        (status = 403, body = Problem, description = "`auth.scope`"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "`review.settled`, `review.not_applicable`, or the case or task has moved on too far"),
        (status = 422, body = Problem, description = "no reason was given, or the rules for this kind of entry refuse the decision"),
    )
)]
pub(super) async fn decide(
    State(app): State<App>,
    staff: Staff,
    Path(entry): Path<EntryId>,
    Json(body): Json<ReviewDecision>,
) -> Result<Json<Disposition>, Failure> {
    if body.decision == EntryDecision::Reject && body.reason.trim().is_empty() {
        return Err(invalid(
            "/reason",
            "请填写退回原因",
            "enter the reason why the entry is rejected",
        ));
    }
    let parts = app.clone();
    let disposition = app
        .write(move |tx, ctx| decide_in(tx, ctx, &parts, &staff, entry, &body))
        .await?;
    Ok(Json(disposition))
}

/// Adds the reviewer's text to an applied disposition without a reason, so that the author reads it.
fn with_words(disposition: Disposition, words: &str) -> Disposition {
    if words.is_empty()
        || disposition.reason.is_some()
        || disposition.state != DispositionState::Applied.into()
    {
        return disposition;
    }
    Disposition {
        reason: Some(reasons::reviewer(ReasonCode::ReviewAccepted, words)),
        ..disposition
    }
}

fn decide_in(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    staff: &Staff,
    entry: EntryId,
    body: &ReviewDecision,
) -> Result<Disposition, Failure> {
    let id = entry.to_string();
    let area: Option<Area> = tx.opt(
        "SELECT o.area FROM entry e JOIN stream s ON s.id = e.stream JOIN post p ON p.id = s.post
         JOIN org o ON o.id = p.org WHERE e.id = ?1",
        params![&id],
        |row| row.parse("area"),
    )?;
    reach(staff, area)?;
    let open: i64 = tx.one(
        &format!("SELECT COUNT(*) AS n FROM entry e WHERE e.id = ?1 AND {IN_QUEUE}"),
        params![&id],
        |row| row.get("n"),
    )?;
    if open == 0 {
        return Err(Failure::of(ProblemCode::ReviewSettled));
    }
    let held = held::load(tx, entry)?;
    let words = body.reason.trim();
    let reviewer = Reviewer {
        person: staff.person,
        areas: staff.areas(REVIEWERS),
        words: words.to_owned(),
    };
    let disposition = match body.decision {
        EntryDecision::Apply => match app.attempt(tx, ctx, |tx, ctx| {
            apply::decide(tx, ctx, app, &held, By::Reviewer(&reviewer))
        })? {
            // The room has no way to carry it out: "applied" would tell the author what did not happen.
            ApplyOutcome::Decided(d) if d.state == DispositionState::Review.into() => {
                let why = "这类内容不能由核对采用，请退回并向填报人说明";
                return Err(Failure::because(ProblemCode::ReviewNotApplicable, why));
            }
            ApplyOutcome::Decided(d) => with_words(d, words),
            ApplyOutcome::Waits(on) => {
                let detail = format!("it waits for entry {on}");
                return Err(Failure::because(ProblemCode::CaseGuard, detail));
            }
        },
        EntryDecision::Reject => {
            let rejected = Disposition::rejected(reasons::reviewer(ReasonCode::ReviewRejected, words));
            if let crate::entries::reading::EntryContent::Known(entry, Payload::Answer(p)) =
                &held.reading.content
            {
                let taken = crate::entries::taken::Taken {
                    entry: entry.as_ref().clone(),
                    sha256: held.sha256,
                    stream: held.stream,
                    received: held.received,
                    made: held.made,
                };
                app.attempt(tx, ctx, |tx, ctx| answers::decide(tx, ctx, app, &taken, p, false))?;
            }
            rejected
        }
    };
    let action = match body.decision {
        EntryDecision::Apply => "review.apply",
        EntryDecision::Reject => "review.reject",
    };
    audit::note(tx, ctx, Some(staff.person), action, &id, &held.reading.kind)?;
    let released = disposition::set_disposition_releasing(tx, ctx, entry, disposition.clone(), None)?;
    let queue = released
        .into_iter()
        .map(|id| held::load(tx, id).map(DueEntry::from))
        .collect::<Result<VecDeque<_>, _>>()?;
    apply::run(tx, ctx, app, queue)?;
    Ok(disposition)
}
