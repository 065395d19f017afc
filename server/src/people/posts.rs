//! Posts (岗位): a number belongs to a post (SP-02), a post answers for areas, and dated assignments say who holds it.

use super::scope;
use crate::{
    app::{audit, changes::Change, ctx::Ctx, mailbox::MailboxId, state::App},
    auth::actor::Staff,
    http::body::{Json, Path, Query},
    kernel::{
        failure::{Failure, invalid, named},
        page::{List, Page, Where},
        text,
    },
    params,
    store::{error::StoreError, hint::Hint, tx::Tx},
};
use axum::extract::State;
use protocol::{
    area::Area,
    evidence::TrustedTime,
    feed::{PostRow, kind},
    ids::{OrgId, PersonId, PostId},
    problem::{Problem, ProblemCode},
    role::Role,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The areas that the post answers for, in order.
pub fn areas(tx: &mut Tx<'_>, post: PostId) -> Result<Vec<Area>, StoreError> {
    tx.all(
        "SELECT area FROM post_area WHERE post = ?1 ORDER BY area",
        params![post.to_string()],
        |row| row.parse("area"),
    )
}

/// Who holds the post at `now`.
pub fn holders_now(tx: &mut Tx<'_>, post: PostId, now: Millis) -> Result<Vec<PersonId>, StoreError> {
    tx.all(
        "SELECT DISTINCT person FROM post_holder
         WHERE post = ?1 AND since <= ?2 AND (until IS NULL OR until > ?2) ORDER BY person",
        params![post.to_string(), now.0],
        |row| row.parse("person"),
    )
}

/// Returns true if the person holds the post at `now`.
pub fn holds(tx: &mut Tx<'_>, post: PostId, person: PersonId, now: Millis) -> Result<bool, StoreError> {
    Ok(holders_now(tx, post, now)?.contains(&person))
}

/// Returns true if the person held the post at some time within the uncertainty of `made`.
pub fn held_when(
    tx: &mut Tx<'_>,
    post: PostId,
    person: PersonId,
    made: &TrustedTime,
) -> Result<bool, StoreError> {
    let slack = made.uncertainty_ms.max(0);
    let assignments: i64 = tx.one(
        "SELECT COUNT(*) AS n FROM post_holder
         WHERE post = ?1 AND person = ?2 AND since <= ?3 AND (until IS NULL OR until > ?4)",
        params![
            post.to_string(),
            person.to_string(),
            made.at.plus(slack).0,
            made.at.plus(slack.saturating_neg()).0
        ],
        |row| row.get("n"),
    )?;
    Ok(assignments > 0)
}

/// Updates the post's row in its mailbox. Called after every change of its areas, name or holders.
pub fn notify(tx: &mut Tx<'_>, ctx: &mut Ctx, post: PostId) -> Result<(), Failure> {
    let (name, number) = tx.one(
        "SELECT name, number FROM post WHERE id = ?1",
        params![post.to_string()],
        |row| Ok((row.get("name")?, row.get("number")?)),
    )?;
    let area = areas(tx, post)?.iter().map(Area::to_string).collect();
    let row = PostRow { name, number, area };
    ctx.mail.put(MailboxId::Post(post), kind::POST, post, &row)
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewPost {
    pub org: OrgId,
    /// 号码. It belongs to the post and stays when the holder changes.
    pub number: String,
    pub name: String,
    /// County, street, community or cell codes, at or below the unit's area.
    pub areas: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Areas {
    pub areas: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewHolder {
    pub person: PersonId,
    /// Start; now if absent.
    #[serde(default)]
    pub since: Option<Millis>,
    /// End (exclusive); open if absent.
    #[serde(default)]
    pub until: Option<Millis>,
}

/// One dated assignment of a person to a post.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Holder {
    pub person: PersonId,
    pub name: String,
    pub since: Millis,
    pub until: Option<Millis>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PostView {
    pub id: PostId,
    pub number: String,
    pub name: String,
    pub org: OrgId,
    #[schema(value_type = Vec<String>)]
    pub areas: Vec<Area>,
    /// All holders, including former ones, oldest first.
    pub holders: Vec<Holder>,
}

#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PostQuery {
    pub after: Option<String>,
    pub limit: Option<u32>,
}

/// The unit that a post belongs to.
pub fn org_of(tx: &mut Tx<'_>, post: PostId) -> Result<OrgId, StoreError> {
    tx.one(
        "SELECT org FROM post WHERE id = ?1",
        params![post.to_string()],
        |row| row.parse("org"),
    )
}

fn view(tx: &mut Tx<'_>, id: PostId) -> Result<PostView, StoreError> {
    let holders = tx.all(
        "SELECT h.person, p.name, h.since, h.until FROM post_holder h JOIN person p ON p.id = h.person
         WHERE h.post = ?1 ORDER BY h.since, h.person",
        params![id.to_string()],
        |row| {
            Ok(Holder {
                person: row.parse("person")?,
                name: row.get("name")?,
                since: Millis(row.get("since")?),
                until: row.get::<Option<i64>>("until")?.map(Millis),
            })
        },
    )?;
    let areas = areas(tx, id)?;
    tx.one(
        "SELECT number, name, org FROM post WHERE id = ?1",
        params![id.to_string()],
        |row| {
            Ok(PostView {
                id,
                number: row.get("number")?,
                name: row.get("name")?,
                org: row.parse("org")?,
                areas: areas.clone(),
                holders: holders.clone(),
            })
        },
    )
}

/// Replaces the areas of a post. The caller has checked the scope.
///
/// # Errors
/// `request.invalid` for no area, more than 500, or one larger than a county or outside the unit's area.
fn set_areas(tx: &mut Tx<'_>, post: PostId, org: OrgId, areas: &[String]) -> Result<(), Failure> {
    let above = super::lookup::org_area(tx, org)?;
    if areas.is_empty() || areas.len() > 500 {
        return Err(invalid("/areas", "请填写责任区", "give 1 to 500 areas"));
    }
    tx.execute("DELETE FROM post_area WHERE post = ?1", params![post.to_string()])?;
    for area in areas {
        let area = scope::area_below(area, above)?;
        if area.digits() < 6 {
            return Err(invalid(
                "/areas",
                "责任区至少为区县",
                "an area must be a county or smaller",
            ));
        }
        tx.execute(
            "INSERT INTO post_area (post, area) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![post.to_string(), area.as_str()],
        )?;
    }
    Ok(())
}

/// Creates a post with its number and areas.
#[utoipa::path(post, path = "/v1/posts", tag = "people", request_body = NewPost, responses(
    (status = 200, body = PostView),
    (status = 409, description = "`people.post_number_taken`: the number belongs to another post", body = Problem)
))]
pub async fn create(
    State(app): State<App>,
    staff: Staff,
    Json(body): Json<NewPost>,
) -> Result<Json<PostView>, Failure> {
    app.write(move |tx, ctx| {
        scope::administers(tx, &staff, body.org)?;
        let number = text::name("/number", &body.number, 40)?;
        let name = text::name("/name", &body.name, 100)?;
        let id = ctx.post_id();
        let added = tx.execute(
            "INSERT INTO post (id, number, name, org, created) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (number) DO NOTHING",
            params![id.to_string(), number, name, body.org.to_string(), ctx.now.0],
        )?;
        if added == 0 {
            return Err(Failure::of(ProblemCode::PostNumberTaken));
        }
        set_areas(tx, id, body.org, &body.areas)?;
        done(tx, ctx, &staff, "post.create", id, "")
    })
    .await
    .map(Json)
}

/// Posts of the units in the caller's areas, with their areas and holders.
#[utoipa::path(get, path = "/v1/posts", tag = "people", params(PostQuery),
    responses((status = 200, body = Page<PostView>)))]
pub async fn list(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<PostQuery>,
) -> Result<Json<Page<PostView>>, Failure> {
    let list = List::new(query.limit, query.after.as_deref())?;
    app.read(move |tx| {
        let mut scope = Where::default();
        scope.one_of("org", scope::units(tx, &staff, &[Role::Admin, Role::Supervisor])?);
        let select = "SELECT id FROM post";
        let ids: Vec<PostId> = list.rows(tx, (select, "id"), &scope, |row| row.parse("id"))?;
        let posts = ids
            .into_iter()
            .map(|id| view(tx, id))
            .collect::<Result<Vec<_>, _>>()?;
        list.page(posts, |p| (p.id,))
    })
    .await
    .map(Json)
}

/// Replaces the areas of a post. Its holders receive the change with their next pull.
#[utoipa::path(put, path = "/v1/posts/{id}/areas", tag = "people", params(("id" = PostId, Path)),
    request_body = Areas, responses((status = 200, body = PostView)))]
pub async fn put_areas(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<PostId>,
    Json(body): Json<Areas>,
) -> Result<Json<PostView>, Failure> {
    app.write(move |tx, ctx| {
        let org = org_of(tx, id)?;
        scope::administers(tx, &staff, org)?;
        set_areas(tx, id, org, &body.areas)?;
        done(tx, ctx, &staff, "post.areas", id, &body.areas.join(" "))
    })
    .await
    .map(Json)
}

/// Assigns a holder to a post from a given time. Repeating an open assignment changes nothing.
#[utoipa::path(post, path = "/v1/posts/{id}/holders", tag = "people", params(("id" = PostId, Path)),
    request_body = NewHolder, responses((status = 200, body = PostView)))]
pub async fn assign(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<PostId>,
    Json(body): Json<NewHolder>,
) -> Result<Json<PostView>, Failure> {
    app.write(move |tx, ctx| {
        let org = org_of(tx, id)?;
        scope::administers(tx, &staff, org)?;
        let org = super::lookup::org_of(tx, body.person).map_err(named("/person"))?;
        scope::administers(tx, &staff, org)?;
        if !super::lookup::is_active(tx, body.person)? {
            return Err(invalid("/person", "该人员已停用", "this person is disabled"));
        }
        let since = body.since.unwrap_or(ctx.now);
        if body.until.is_some_and(|until| until <= since) {
            return Err(invalid(
                "/until",
                "结束时间应晚于开始时间",
                "the end must be after the start",
            ));
        }
        if !holds(tx, id, body.person, since)? {
            tx.execute(
                "INSERT INTO post_holder (post, person, since, until) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (post, person, since) DO UPDATE SET until = excluded.until",
                params![
                    id.to_string(),
                    body.person.to_string(),
                    since.0,
                    body.until.map(|u| u.0)
                ],
            )?;
        }
        done(
            tx,
            ctx,
            &staff,
            "post.assign",
            id,
            &format!("person:{}", body.person),
        )
    })
    .await
    .map(Json)
}

/// Ends the person's assignments to the post now. The person's terminal keeps its stream until the stream is revoked,
/// the terminal is wiped, or the person is disabled; another enrolment of the terminal ends no stream.
#[utoipa::path(delete, path = "/v1/posts/{id}/holders/{person}", tag = "people",
    params(("id" = PostId, Path), ("person" = PersonId, Path)), responses((status = 200, body = PostView)))]
pub async fn relieve(
    State(app): State<App>,
    staff: Staff,
    Path((id, person)): Path<(PostId, PersonId)>,
) -> Result<Json<PostView>, Failure> {
    app.write(move |tx, ctx| {
        let org = org_of(tx, id)?;
        scope::administers(tx, &staff, org)?;
        tx.execute(
            "UPDATE post_holder SET until = ?3
             WHERE post = ?1 AND person = ?2 AND (until IS NULL OR until > ?3)",
            params![id.to_string(), person.to_string(), ctx.now.0],
        )?;
        ctx.changed(Change::HolderRelieved { post: id, person });
        done(tx, ctx, &staff, "post.relieve", id, &format!("person:{person}"))
    })
    .await
    .map(Json)
}

/// Writes the audit line, updates the post's mailbox, says the change, and returns the view of the post.
fn done(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    staff: &Staff,
    action: &str,
    id: PostId,
    detail: &str,
) -> Result<PostView, Failure> {
    notify(tx, ctx, id)?;
    // A relieved holder must drop the post's rows although none of them changed, so the handset needs a hint.
    tx.after_commit(Hint::Mailbox(MailboxId::Post(id).to_string()));
    ctx.changed(Change::PostChanged { post: id });
    audit::note(tx, ctx, Some(staff.person), action, &format!("post:{id}"), detail)?;
    Ok(view(tx, id)?)
}
