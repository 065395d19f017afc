//! Who is on duty.

use crate::{
    app::state::App,
    auth::actor::Staff,
    entries::flags::FlagName,
    http::{
        body::{Json, Query},
        operation::Operations,
    },
    kernel::{
        failure::Failure,
        page::{self, Page, Where},
    },
};
use axum::extract::State;
use protocol::{
    ids::{EntryId, PersonId, PostId},
    problem::Problem,
    role::Role,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::routes;

/// Who sees who is on duty.
const READERS: &[Role] = &[
    Role::Supervisor,
    Role::ShiftLeader,
    Role::Acceptor,
    Role::CommandCentre,
];

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default().staff(READERS, routes!(duty))
}

/// Somebody on duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OnDuty {
    pub person: PersonId,
    pub name: String,
    pub post: PostId,
    pub post_name: String,
    /// 号码 of the post
    pub number: String,
    pub since: Millis,
    /// When it ends by itself.
    pub ends: Millis,
    /// When the server last heard of a terminal of this person.
    pub last_contact: Millis,
    /// What is odd about the fix of the check-in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<FlagName>,
}

/// Where to look.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DutyQuery {
    /// Prefix of cell codes: posts that answer for something there.
    pub area: Option<String>,
    pub after: Option<String>,
    pub limit: Option<u32>,
}

/// Who is on duty now at a post he holds, among the posts that answer for something in reach.
#[utoipa::path(get, path = "/v1/duty", tag = "duty", params(DutyQuery),
    responses((status = 200, body = Page<OnDuty>), (status = "4XX", body = Problem)))]
async fn duty(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<DutyQuery>,
) -> Result<Json<Page<OnDuty>>, Failure> {
    let limit = page::limit(query.limit);
    let now = app.clock.now();
    let mut condition = Where::default();
    let clock = condition.bind(now.0);
    condition.and(format!(
        "p.present AND p.ends > {clock} AND q.disabled IS NULL
         AND EXISTS (SELECT 1 FROM post_holder h WHERE h.post = p.post AND h.person = p.person
                     AND h.since <= {clock} AND (h.until IS NULL OR h.until > {clock}))"
    ));
    let within = condition.within_text("a.area", &staff.areas(READERS));
    let wished = match &query.area {
        Some(area) => {
            let name = format!("CAST({} AS TEXT)", condition.bind(area));
            // The wish lies inside a post's area or the other way round.
            format!(
                " AND (substr(a.area, 1, length({name})) = {name} OR substr({name}, 1, length(a.area)) = a.area)"
            )
        }
        None => String::new(),
    };
    condition.and(format!(
        "EXISTS (SELECT 1 FROM post_area a WHERE a.post = p.post AND {within}{wished})"
    ));
    if let Some(after) = &query.after {
        let name = condition.bind(after);
        condition.and(format!("p.person > {name}"));
    }
    let most = condition.bind(limit + 1);
    let sql = format!(
        "SELECT p.person, q.name, p.post, t.name AS post_name, t.number, p.since, p.ends, p.last_contact,
             p.changed_by
         FROM presence p JOIN person q ON q.id = p.person JOIN post t ON t.id = p.post {}
         ORDER BY p.person LIMIT {most}",
        condition.sql()
    );
    let rows = app
        .read(move |tx| {
            let rows = tx.all(&sql, condition.values(), |row| {
                let by: Option<EntryId> = row.parse_opt("changed_by")?;
                let on_duty = OnDuty {
                    person: row.parse("person")?,
                    name: row.get("name")?,
                    post: row.parse("post")?,
                    post_name: row.get("post_name")?,
                    number: row.get("number")?,
                    since: Millis(row.get("since")?),
                    ends: Millis(row.get("ends")?),
                    last_contact: Millis(row.get("last_contact")?),
                    flags: Vec::new(),
                };
                Ok((on_duty, by))
            })?;
            let mut all = Vec::with_capacity(rows.len());
            for (mut on_duty, by) in rows {
                if let Some(entry) = by {
                    on_duty.flags = FlagName::of_fix(tx, entry)?;
                }
                all.push(on_duty);
            }
            Ok(all)
        })
        .await?;
    Ok(Json(Page::cut(rows, limit, |row: &OnDuty| {
        row.person.to_string()
    })))
}
