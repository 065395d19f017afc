//! Signing in and out (DC-12): personal accounts with passwords; every session is in the audit log.

use super::passwords;
use crate::{
    app::{audit, state::App},
    auth::{actor::Staff, sessions},
    http::body::Json,
    kernel::failure::Failure,
    params,
    store::tx::Tx,
};
use axum::{extract::State, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use protocol::{
    area::Area,
    ids::{OrgId, PersonId},
    photo::Sha256,
    problem::{Problem, ProblemCode},
    role::Role,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Deserialize, Serialize, ToSchema)]
pub struct SignIn {
    pub account: String,
    #[schema(format = Password)]
    pub password: String,
}

/// A role at a unit, with display names.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GrantView {
    pub role: Role,
    pub role_name: String,
    pub org: OrgId,
    pub org_name: String,
    /// Prefix of the cell codes in the area of the role.
    #[schema(value_type = String)]
    pub area: Area,
}

/// The person who is signed in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Me {
    pub person: PersonId,
    pub name: String,
    pub account: String,
    pub org: OrgId,
    pub grants: Vec<GrantView>,
    /// Latest end of the session.
    pub expires: Millis,
    /// True if somebody else chose the password and the person has to change it.
    pub password_due: bool,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// Bearer token; given only in this answer.
    pub token: String,
    #[serde(flatten)]
    pub me: Me,
}

#[derive(Deserialize, Serialize, ToSchema)]
pub struct NewPassword {
    #[schema(format = Password)]
    pub old: String,
    #[schema(format = Password)]
    pub new: String,
}

/// How many sessions were ended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Ended {
    pub sessions: u64,
}

struct LoginAccount {
    person: PersonId,
    hash: Option<String>,
    usable: bool,
}

/// Signs in. An unknown account, a disabled account and a wrong password get the same answer.
#[utoipa::path(post, path = "/v1/session", tag = "session", request_body = SignIn, responses(
    (status = 200, body = SignedIn),
    (status = 401, description = "`auth.password`", body = Problem),
    (status = 429, description = "`auth.locked`: too many wrong attempts", body = Problem)
))]
pub async fn sign_in(State(app): State<App>, Json(body): Json<SignIn>) -> Result<Json<SignedIn>, Failure> {
    let account = body.account.trim().to_lowercase();
    if account.chars().count() > 64 {
        return Err(Failure::of(ProblemCode::Password));
    }
    let (name, parts) = (account.clone(), app.clone());
    let found = app
        .write(move |tx, ctx| {
            count_attempt(tx, &parts, &name, ctx.now)?;
            find(tx, &name, ctx.now)
        })
        .await?;
    let usable = found.as_ref().is_some_and(|a| a.usable);
    let hash = found.as_ref().filter(|_| usable).and_then(|a| a.hash.clone());
    let fits = passwords::verify(body.password, hash).await?;
    let Some(found) = found.filter(|_| fits) else {
        app.write(move |tx, ctx| Ok(audit::note(tx, ctx, None, "session.refused", "account", "")?))
            .await?;
        return Err(Failure::of(ProblemCode::Password));
    };
    let token = format!("xs_{}", BASE64URL.encode(app.secret()));
    let hours = app.settings.session_hours;
    let kept = token.clone();
    let me = app
        .write(move |tx, ctx| {
            if !super::lookup::is_active(tx, found.person)? {
                return Err(Failure::of(ProblemCode::Password));
            }
            tx.execute("DELETE FROM login_failure WHERE account = ?1", params![&account])?;
            sessions::open(tx, found.person, &kept, ctx.now, hours)?;
            audit::note(tx, ctx, Some(found.person), "session.open", "session", "")?;
            me(tx, found.person, &Sha256::of(kept.as_bytes()).to_string())
        })
        .await?;
    Ok(Json(SignedIn { token, me }))
}

/// Counts the attempt before the password is checked, so that concurrent attempts count, too. `locked_until` holds the
/// time of the last attempt while the account is not locked.
fn count_attempt(tx: &mut Tx<'_>, app: &App, account: &str, now: Millis) -> Result<(), Failure> {
    let rest = i64::from(app.settings.login_rest_seconds) * 1000;
    tx.execute(
        "DELETE FROM login_failure WHERE locked_until <= ?1",
        params![now.0.saturating_sub(rest)],
    )?;
    let (failures, locked): (i64, i64) = tx.one(
        "INSERT INTO login_failure (account, failures, locked_until) VALUES (?1, 1, ?2)
         ON CONFLICT (account) DO UPDATE SET failures = login_failure.failures + 1
         RETURNING failures, locked_until",
        params![account, now.0],
        |row| Ok((row.get("failures")?, row.get("locked_until")?)),
    )?;
    if locked > now.0 {
        let seconds = u32::try_from((locked - now.0 + 999) / 1000).unwrap_or(u32::MAX);
        return Err(Failure::later(ProblemCode::LockedOut, seconds));
    }
    let until = if failures >= i64::from(app.settings.login_attempts) {
        now.0.saturating_add(rest)
    } else {
        now.0
    };
    tx.execute(
        "UPDATE login_failure SET locked_until = ?2 WHERE account = ?1",
        params![account, until],
    )?;
    Ok(())
}

fn find(tx: &mut Tx<'_>, account: &str, now: Millis) -> Result<Option<LoginAccount>, Failure> {
    let found = tx.opt(
        "SELECT id, password, disabled, password_until FROM person WHERE account = ?1",
        params![account],
        |row| {
            let disabled: Option<i64> = row.get("disabled")?;
            let until: Option<i64> = row.get("password_until")?;
            Ok(LoginAccount {
                person: row.parse("id")?,
                hash: row.get("password")?,
                usable: disabled.is_none() && until.is_none_or(|until| until > now.0),
            })
        },
    )?;
    Ok(found)
}

fn me(tx: &mut Tx<'_>, person: PersonId, session: &str) -> Result<Me, Failure> {
    let grants = tx.all(
        "SELECT g.role, g.org, o.name, o.area FROM role_grant g JOIN org o ON o.id = g.org
         WHERE g.person = ?1 ORDER BY g.role, g.org",
        params![person.to_string()],
        |row| {
            let role: Role = row.parse("role")?;
            Ok(GrantView {
                role,
                role_name: role.zh().into(),
                org: row.parse("org")?,
                org_name: row.get("name")?,
                area: row.parse("area")?,
            })
        },
    )?;
    let me = tx.one(
        "SELECT p.name, p.account, p.org, p.password_until, s.expires
         FROM person p JOIN session s ON s.person = p.id WHERE p.id = ?1 AND s.token_sha256 = ?2",
        params![person.to_string(), session],
        |row| {
            Ok(Me {
                person,
                name: row.get("name")?,
                account: row.get::<Option<String>>("account")?.unwrap_or_default(),
                org: row.parse("org")?,
                grants: grants.clone(),
                expires: Millis(row.get("expires")?),
                password_due: row.get::<Option<i64>>("password_until")?.is_some(),
            })
        },
    )?;
    Ok(me)
}

/// Returns the person who is signed in, with roles and units.
#[utoipa::path(get, path = "/v1/session", tag = "session", responses((status = 200, body = Me)))]
pub async fn who(State(app): State<App>, staff: Staff) -> Result<Json<Me>, Failure> {
    app.read(move |tx| me(tx, staff.person, &staff.session))
        .await
        .map(Json)
}

/// Signs out: this session ends at once.
#[utoipa::path(delete, path = "/v1/session", tag = "session", responses((status = 204, description = "Signed out")))]
pub async fn sign_out(State(app): State<App>, staff: Staff) -> Result<StatusCode, Failure> {
    app.write(move |tx, ctx| {
        sessions::end(tx, &staff.session)?;
        Ok(audit::note(
            tx,
            ctx,
            Some(staff.person),
            "session.close",
            "session",
            "",
        )?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of the person, including this one.
#[utoipa::path(post, path = "/v1/session/logout-everywhere", tag = "session", responses((status = 200, body = Ended)))]
pub async fn sign_out_everywhere(State(app): State<App>, staff: Staff) -> Result<Json<Ended>, Failure> {
    app.write(move |tx, ctx| {
        let sessions = sessions::end_all(tx, staff.person, None)?;
        audit::note(tx, ctx, Some(staff.person), "session.close_all", "session", "")?;
        Ok(Ended { sessions })
    })
    .await
    .map(Json)
}

/// Changes the caller's password and ends the caller's other sessions.
#[utoipa::path(post, path = "/v1/session/password", tag = "session", request_body = NewPassword, responses(
    (status = 200, body = Ended),
    (status = 401, description = "`auth.password`: the old password is wrong", body = Problem),
    (status = 422, description = "`auth.weak_password`", body = Problem)
))]
pub async fn change_password(
    State(app): State<App>,
    staff: Staff,
    Json(body): Json<NewPassword>,
) -> Result<Json<Ended>, Failure> {
    let (person, parts) = (staff.person, app.clone());
    let (account, kept) = app
        .write(move |tx, ctx| {
            let (account, kept) = tx.one(
                "SELECT account, password FROM person WHERE id = ?1",
                params![person.to_string()],
                |row| {
                    Ok((
                        row.get::<Option<String>>("account")?,
                        row.get::<Option<String>>("password")?,
                    ))
                },
            )?;
            // With a stolen session the password must not be easier to guess than without one.
            let account = account.unwrap_or_default();
            count_attempt(tx, &parts, &account, ctx.now)?;
            Ok((account, kept))
        })
        .await?;
    if !passwords::verify(body.old.clone(), kept).await? {
        return Err(Failure::of(ProblemCode::Password));
    }
    passwords::check(&body.new, &account)?;
    if body.new == body.old {
        return Err(Failure::of(ProblemCode::WeakPassword));
    }
    let hash = passwords::hash(&app, body.new).await?;
    app.write(move |tx, ctx| {
        tx.execute("DELETE FROM login_failure WHERE account = ?1", params![&account])?;
        set(tx, staff.person, &hash, None)?;
        let sessions = sessions::end_all(tx, staff.person, Some(&staff.session))?;
        let entity = format!("person:{}", staff.person);
        audit::note(tx, ctx, Some(staff.person), "person.password", &entity, "own")?;
        Ok(Ended { sessions })
    })
    .await
    .map(Json)
}

/// Stores a password's hash; `until` is the expiry of a password that somebody else chose.
pub fn set(tx: &mut Tx<'_>, person: PersonId, hash: &str, until: Option<Millis>) -> Result<(), Failure> {
    tx.execute(
        "UPDATE person SET password = ?2, password_until = ?3 WHERE id = ?1",
        params![person.to_string(), hash, until.map(|u| u.0)],
    )?;
    Ok(())
}
