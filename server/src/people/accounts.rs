//! Accounts and roles: an administrator of the organisation one level up creates them (TJ-01), inside the
//! administrator's own area (TJ-02); every change is in the audit log. There are no default accounts, and a password that
//! somebody else chose expires.

use super::{
    grants::{self, RoleAt, grant, is_root_admin, keeps_an_administrator, reaches_all_of, roles_of},
    login, passwords, scope,
};
use crate::{
    app::{audit, changes::Change, ctx::Ctx, state::App},
    auth::{actor::Staff, field_tokens, sessions},
    http::body::{Json, Path, Query},
    kernel::{
        failure::{Failure, invalid, named},
        page::{List, Page, Where},
        text,
    },
    params,
    store::tx::Tx,
};
use axum::extract::State;
use protocol::{
    ids::{OrgId, PersonId, StreamId},
    problem::{Problem, ProblemCode},
    role::Role,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewPerson {
    pub name: String,
    pub org: OrgId,
    /// Account name. A person without an account cannot sign in, but can hold posts.
    #[serde(default)]
    pub account: Option<String>,
    #[serde(default)]
    pub roles: Vec<RoleAt>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Made {
    pub id: PersonId,
    /// First password, given only in this answer. It opens only the change of the password, for `first_password_days` and
    /// `first_password_tries`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    pub id: PersonId,
    pub name: String,
    pub org: OrgId,
    pub account: Option<String>,
    pub disabled: bool,
    pub roles: Vec<RoleAt>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct RoleChange {
    #[serde(default)]
    pub add: Vec<RoleAt>,
    #[serde(default)]
    pub remove: Vec<RoleAt>,
}

/// What was ended by disabling an account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Disabled {
    pub sessions: u64,
    /// Streams of the person's terminals that were revoked.
    pub streams: Vec<StreamId>,
}

#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PeopleQuery {
    /// Only people of this unit.
    pub org: Option<OrgId>,
    pub after: Option<String>,
    pub limit: Option<u32>,
}

fn account_name(text: &str) -> Result<String, Failure> {
    let name = text.trim().to_lowercase();
    // Letters of other scripts look like these: `guаnliyuan` with a Cyrillic letter is another account.
    let plain = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "._-@".contains(c));
    if !(3..=64).contains(&name.len()) || !plain {
        return Err(invalid(
            "/account",
            "账号为 3 至 64 位英文字母、数字或 . _ - @",
            "the account name must be 3 to 64 letters a to z, digits or . _ - @",
        ));
    }
    // Account names that scanners try first.
    if ["admin", "administrator", "root", "test", "guest", "user"].contains(&name.as_str()) {
        return Err(invalid(
            "/account",
            "不使用默认账号名，请用本人账号",
            "default account names are not allowed; use a personal account",
        ));
    }
    Ok(name)
}

/// Inserts a person with roles. The caller has checked the scope. `first` is the hash of the password to start with, and
/// its end, if the person has an account.
///
/// # Errors
/// `request.invalid` for the name or account, `people.account_taken` for an account that exists.
pub fn insert(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    person: &NewPerson,
    first: Option<(&str, Millis)>,
) -> Result<PersonId, Failure> {
    let name = text::name("/name", &person.name, 50)?;
    let account = person.account.as_deref().map(account_name).transpose()?;
    let id = ctx.person_id();
    let (hash, until) = first.map(|(hash, until)| (hash, until.0)).unzip();
    let added = tx.execute(
        "INSERT INTO person (id, name, org, account, password, disabled, created, password_until)
         VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?6, ?7) ON CONFLICT (account) DO NOTHING",
        params![
            id.to_string(),
            name,
            person.org.to_string(),
            account,
            hash,
            ctx.now.0,
            until
        ],
    )?;
    if added == 0 {
        return Err(Failure::of(ProblemCode::NameTaken));
    }
    for role in &person.roles {
        grant(tx, id, *role)?;
    }
    Ok(id)
}

/// Creates a person, and an account if `account` is given. The first password is random and is given only in this
/// answer.
#[utoipa::path(post, path = "/v1/people", tag = "people", request_body = NewPerson, responses(
    (status = 200, body = Made),
    (status = 409, description = "`people.account_taken`", body = Problem)
))]
pub async fn create(
    State(app): State<App>,
    staff: Staff,
    Json(body): Json<NewPerson>,
) -> Result<Json<Made>, Failure> {
    let (password, hash) = match &body.account {
        Some(_) => {
            let password = passwords::random(&app);
            let hash = passwords::hash(&app, password.clone()).await?;
            (Some(password), Some(hash))
        }
        None => (None, None),
    };
    let settings = app.settings.clone();
    app.write(move |tx, ctx| {
        scope::administers(tx, &staff, body.org)?;
        for role in &body.roles {
            grants::may_give(tx, &staff, *role)?;
        }
        let until = login::first_until(ctx.now, &settings);
        let id = insert(tx, ctx, &body, hash.as_deref().map(|hash| (hash, until)))?;
        note(tx, ctx, &staff, "person.create", id, "")?;
        Ok(Made {
            id,
            password: password.clone(),
        })
    })
    .await
    .map(Json)
}

/// People of the units in the caller's areas.
#[utoipa::path(get, path = "/v1/people", tag = "people", params(PeopleQuery),
    responses((status = 200, body = Page<PersonView>)))]
pub async fn list(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<PeopleQuery>,
) -> Result<Json<Page<PersonView>>, Failure> {
    let list = List::new(query.limit, query.after.as_deref())?;
    app.read(move |tx| {
        let mut scope = Where::default();
        scope.one_of("org", scope::units(tx, &staff, &[Role::Admin])?);
        if let Some(org) = query.org {
            let org = scope.bind(org.to_string());
            scope.and(format!("org = {org}"));
        }
        let select = "SELECT id, name, org, account, disabled FROM person";
        let mut people = list.rows(tx, (select, "id"), &scope, |row| {
            Ok(PersonView {
                id: row.parse("id")?,
                name: row.get("name")?,
                org: row.parse("org")?,
                account: row.get("account")?,
                disabled: row.get::<Option<i64>>("disabled")?.is_some(),
                roles: Vec::new(),
            })
        })?;
        for person in &mut people {
            person.roles = roles_of(tx, person.id)?;
        }
        list.page(people, |p| (p.id,))
    })
    .await
    .map(Json)
}

/// Grants and removes roles, with effect from the next request.
#[utoipa::path(post, path = "/v1/people/{id}/roles", tag = "people", params(("id" = PersonId, Path)),
    request_body = RoleChange, responses((status = 200, body = Vec<RoleAt>)))]
pub async fn roles(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<PersonId>,
    Json(change): Json<RoleChange>,
) -> Result<Json<Vec<RoleAt>>, Failure> {
    app.write(move |tx, ctx| {
        let org = super::lookup::org_of(tx, id)?;
        scope::administers(tx, &staff, org)?;
        if id == staff.person && !change.add.is_empty() {
            return Err(Failure::because(ProblemCode::Forbidden, "own roles"));
        }
        for at in &change.add {
            grants::may_give(tx, &staff, *at)?;
        }
        for at in &change.remove {
            scope::administers(tx, &staff, at.org).map_err(named("/org"))?;
        }
        for at in &change.add {
            grant(tx, id, *at)?;
            note(
                tx,
                ctx,
                &staff,
                "role.give",
                id,
                &format!("{} at {}", at.role, at.org),
            )?;
        }
        let was_root_admin = is_root_admin(tx, id)?;
        for at in &change.remove {
            tx.execute(
                "DELETE FROM role_grant WHERE person = ?1 AND role = ?2 AND org = ?3",
                params![id.to_string(), at.role.as_str(), at.org.to_string()],
            )?;
            note(
                tx,
                ctx,
                &staff,
                "role.take",
                id,
                &format!("{} at {}", at.role, at.org),
            )?;
        }
        if was_root_admin && !is_root_admin(tx, id)? {
            keeps_an_administrator(tx, id)?;
        }
        Ok(roles_of(tx, id)?)
    })
    .await
    .map(Json)
}

/// Enables a disabled person again. Sessions and terminals that ended stay ended; the roles are those of before.
#[utoipa::path(post, path = "/v1/people/{id}/enable", tag = "people", params(("id" = PersonId, Path)),
    responses((status = 200, body = PersonView)))]
pub async fn enable(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<PersonId>,
) -> Result<Json<PersonView>, Failure> {
    app.write(move |tx, ctx| {
        reaches_all_of(tx, &staff, id)?;
        let changed = tx.execute(
            "UPDATE person SET disabled = NULL WHERE id = ?1 AND disabled IS NOT NULL",
            params![id.to_string()],
        )?;
        if changed > 0 {
            note(tx, ctx, &staff, "person.enable", id, "")?;
        }
        let roles = roles_of(tx, id)?;
        Ok(tx.one(
            "SELECT name, org, account FROM person WHERE id = ?1",
            params![id.to_string()],
            |row| {
                Ok(PersonView {
                    id,
                    name: row.get("name")?,
                    org: row.parse("org")?,
                    account: row.get("account")?,
                    disabled: false,
                    roles: roles.clone(),
                })
            },
        )?)
    })
    .await
    .map(Json)
}

/// Disables a person at once: all sessions end, all streams of the person are revoked (pending entries stay sealed on
/// the terminal), the duty ends, and the person's tasks are assigned again.
#[utoipa::path(post, path = "/v1/people/{id}/disable", tag = "people", params(("id" = PersonId, Path)),
    responses((status = 200, body = Disabled)))]
pub async fn disable(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<PersonId>,
) -> Result<Json<Disabled>, Failure> {
    app.write(move |tx, ctx| {
        reaches_all_of(tx, &staff, id)?;
        if is_root_admin(tx, id)? {
            keeps_an_administrator(tx, id)?;
        }
        tx.execute(
            "UPDATE person SET disabled = ?2 WHERE id = ?1 AND disabled IS NULL",
            params![id.to_string(), ctx.now.0],
        )?;
        let sessions = sessions::end_all(tx, id, None)?;
        let streams = field_tokens::active_streams(tx, id)?;
        ctx.changed(Change::PersonDisabled { person: id });
        let detail = format!("sessions={sessions} streams={}", streams.len());
        note(tx, ctx, &staff, "person.disable", id, &detail)?;
        Ok(Disabled { sessions, streams })
    })
    .await
    .map(Json)
}

/// Sets a new random password, which is given only in this answer, and ends the person's sessions. The password opens only
/// the change of the password, for `first_password_days` and `first_password_tries`. An administrator could sign in with that password, so every role of the person must lie inside the
/// administrator's own area.
#[utoipa::path(post, path = "/v1/people/{id}/password-reset", tag = "people", params(("id" = PersonId, Path)),
    responses((status = 200, body = Made),
        (status = 409, description = "`people.disabled`: enable the person first; `people.no_account`", body = Problem)))]
pub async fn reset(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<PersonId>,
) -> Result<Json<Made>, Failure> {
    let password = passwords::random(&app);
    let hash = passwords::hash(&app, password.clone()).await?;
    let settings = app.settings.clone();
    app.write(move |tx, ctx| {
        reaches_all_of(tx, &staff, id)?;
        // A password that could never be used.
        if !super::lookup::is_active(tx, id)? {
            return Err(Failure::of(ProblemCode::PersonDisabled));
        }
        if login::account_of(tx, id)?.is_empty() {
            return Err(Failure::of(ProblemCode::NoAccount));
        }
        login::set(tx, id, &hash, Some(login::first_until(ctx.now, &settings)))?;
        sessions::end_all(tx, id, None)?;
        note(tx, ctx, &staff, "person.password", id, "reset")?;
        Ok(Made {
            id,
            password: Some(password.clone()),
        })
    })
    .await
    .map(Json)
}

fn note(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    staff: &Staff,
    action: &str,
    person: PersonId,
    detail: &str,
) -> Result<(), Failure> {
    let entity = format!("person:{person}");
    Ok(audit::note(tx, ctx, Some(staff.person), action, &entity, detail)?)
}
