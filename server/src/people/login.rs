//! Signing in and out (DC-12): personal accounts with passwords; every session is in the audit log.

use super::{
    attempts::{self, Pair},
    origin::SignInOrigin,
    passwords,
};
use crate::{
    app::{audit, state::App},
    auth::{actor::Staff, sessions},
    http::body::Json,
    kernel::{config::Settings, failure::Failure},
    params,
    store::{error::StoreError, tx::Tx},
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
    /// True if somebody else chose the password: every operation but the change of the password, `GET` and `DELETE` of
    /// the session answers `auth.password_due`.
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

/// An account as the check of a password needs it.
#[derive(Clone)]
struct LoginAccount {
    person: PersonId,
    /// `None` while no password opens the account: disabled, or a first password that is dead.
    hash: Option<String>,
}

impl LoginAccount {
    /// Finds the account with this name, or that of a person.
    fn find(
        tx: &mut Tx<'_>,
        key: Key<'_>,
        now: Millis,
        settings: &Settings,
    ) -> Result<Option<Self>, Failure> {
        let (column, value) = match key {
            Key::Account(account) => ("account", account.to_owned()),
            Key::Person(person) => ("id", person.to_string()),
        };
        let found = tx.opt(
            &format!("SELECT id, password, disabled, password_until, password_tries FROM person WHERE {column} = ?1"),
            params![value],
            |row| {
                let disabled: Option<i64> = row.get("disabled")?;
                let until: Option<i64> = row.get("password_until")?;
                let tries: i64 = row.get("password_tries")?;
                // The session that the last try opened may still change the password.
                let most = match key {
                    Key::Account(_) => i64::from(settings.first_password_tries),
                    Key::Person(_) => i64::from(settings.first_password_tries) + 1,
                };
                let lives = until.is_none_or(|until| until > now.0 && tries < most);
                let hash: Option<String> = row.get("password")?;
                Ok(Self {
                    person: row.parse("id")?,
                    hash: hash.filter(|_| disabled.is_none() && lives),
                })
            },
        )?;
        Ok(found)
    }
    /// Counts a use of a password that somebody else chose. A wrong try does not count: strangers would end the password of
    /// the person who waits for it, and its random characters cannot be guessed within the limits of wrong tries.
    fn tried(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE person SET password_tries = password_tries + 1 WHERE id = ?1 AND password_until IS NOT NULL",
            params![self.person.to_string()],
        )?;
        Ok(())
    }
}

/// What an account is found by.
#[derive(Clone, Copy)]
enum Key<'a> {
    Account(&'a str),
    Person(PersonId),
}

/// Signs in. An unknown account, a disabled account, a dead first password and a wrong password get the same answer.
#[utoipa::path(post, path = "/v1/session", tag = "session", request_body = SignIn, responses(
    (status = 200, body = SignedIn),
    (status = 401, description = "`auth.password`", body = Problem),
    (status = 429, description = "`auth.locked`: too many wrong attempts for this account from this address; \
        `request.rate`: too many from this address, or too many sign-ins at once", body = Problem)
))]
pub async fn sign_in(
    State(app): State<App>,
    SignInOrigin(address): SignInOrigin,
    Json(body): Json<SignIn>,
) -> Result<Json<SignedIn>, Failure> {
    let account = body.account.trim().to_lowercase();
    if account.chars().count() > 64 {
        return Err(Failure::of(ProblemCode::Password));
    }
    let pair = Pair::of(&account, address);
    let now = app.clock.now();
    let attempt = app.sign_ins.begin(pair.account(), address, now, &app.settings)?;
    let (name, checked, parts, others) = (account.clone(), pair.clone(), app.clone(), attempt.others);
    let found = app
        .read(move |tx| {
            attempts::may_try(tx, &checked, (others, now), &parts.settings)?;
            LoginAccount::find(tx, Key::Account(&name), now, &parts.settings)
        })
        .await?;
    let hash = found.as_ref().and_then(|account| account.hash.clone());
    let fits = match passwords::verify_in_turn(&app, body.password, hash).await {
        Ok(fits) => fits,
        Err(busy) => {
            attempt.not_tried();
            return Err(busy);
        }
    };
    let Some(found) = found.clone().filter(|_| fits) else {
        refused(&app, pair, found).await?;
        return Err(Failure::of(ProblemCode::Password));
    };
    let token = format!("xs_{}", BASE64URL.encode(app.secret()));
    let (kept, parts) = (token.clone(), app.clone());
    let me = app
        .write(move |tx, ctx| {
            // The account may have been disabled, or its password changed, while this one was checked.
            let still = LoginAccount::find(tx, Key::Person(found.person), ctx.now, &parts.settings)?;
            if still.and_then(|account| account.hash) != found.hash {
                return Err(Failure::of(ProblemCode::Password));
            }
            found.tried(tx)?;
            attempts::succeeded(tx, &pair)?;
            sessions::open(tx, found.person, &kept, ctx.now, parts.settings.session_hours)?;
            audit::note(tx, ctx, Some(found.person), "session.open", "session", "")?;
            me(tx, found.person, &Sha256::of(kept.as_bytes()).to_string())
        })
        .await?;
    attempt.succeeded(now);
    app.known.has_token(&token);
    Ok(Json(SignedIn { token, me }))
}

/// Counts a wrong password. The audit log has a count for each account and hour, and one for all accounts that do not
/// exist: strangers must not fill the database.
async fn refused(app: &App, pair: Pair, found: Option<LoginAccount>) -> Result<(), Failure> {
    let parts = app.clone();
    app.write(move |tx, ctx| {
        attempts::failed(tx, &pair, ctx.now, &parts.settings)?;
        let entity = found.as_ref().map_or_else(
            || "account".to_owned(),
            |account| format!("person:{}", account.person),
        );
        Ok(audit::tally(tx, ctx, "session.refused", &entity)?)
    })
    .await
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

/// Changes the caller's password and ends the caller's other sessions. The only act that a first or reset password allows.
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
    let now = app.clock.now();
    let (person, parts) = (staff.person, app.clone());
    // With a stolen session the password must not be easier to guess than without one.
    let pair = Pair::by_session(&person.to_string());
    let attempt = app.sign_ins.begin_by_session(pair.account());
    let (checked, others) = (pair.clone(), attempt.others);
    let (account, found) = app
        .read(move |tx| {
            attempts::may_try(tx, &checked, (others, now), &parts.settings)?;
            let found = LoginAccount::find(tx, Key::Person(person), now, &parts.settings)?;
            Ok((account_of(tx, person)?, found))
        })
        .await?;
    let hash = found.as_ref().and_then(|account| account.hash.clone());
    if !passwords::verify(body.old.clone(), hash).await? {
        refused(&app, pair, found).await?;
        return Err(Failure::of(ProblemCode::Password));
    }
    passwords::check(&body.new, &account)?;
    if body.new == body.old {
        return Err(Failure::of(ProblemCode::WeakPassword));
    }
    let hash = passwords::hash(&app, body.new).await?;
    app.write(move |tx, ctx| {
        attempts::succeeded(tx, &pair)?;
        set(tx, staff.person, &hash, None)?;
        let sessions = sessions::end_all(tx, staff.person, Some(&staff.session))?;
        let entity = format!("person:{}", staff.person);
        audit::note(tx, ctx, Some(staff.person), "person.password", &entity, "own")?;
        Ok(Ended { sessions })
    })
    .await
    .map(Json)
}

/// The account's name; empty for a person without an account.
pub(super) fn account_of(tx: &mut Tx<'_>, person: PersonId) -> Result<String, StoreError> {
    let account: Option<String> = tx.one(
        "SELECT account FROM person WHERE id = ?1",
        params![person.to_string()],
        |row| row.get("account"),
    )?;
    Ok(account.unwrap_or_default())
}

/// When a password ends that somebody else chooses now.
pub fn first_until(now: Millis, settings: &Settings) -> Millis {
    now.plus(i64::from(settings.first_password_days) * 86_400_000)
}

/// Stores a password's hash; `until` is the expiry of a password that somebody else chose.
pub fn set(tx: &mut Tx<'_>, person: PersonId, hash: &str, until: Option<Millis>) -> Result<(), Failure> {
    tx.execute(
        "UPDATE person SET password = ?2, password_until = ?3, password_tries = 0 WHERE id = ?1",
        params![person.to_string(), hash, until.map(|u| u.0)],
    )?;
    Ok(())
}
