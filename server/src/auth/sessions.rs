//! Staff sessions: opaque tokens; the database holds only their SHA-256 (DC-12).
//!
//! A session ends after a time without use, at the latest after a shift (ASVS 7.3), and immediately when the person is
//! disabled or signs out everywhere. A password change ends all other sessions of the person.

use super::actor::{Grant, Staff};
use crate::{
    app::{audit, ctx::Ctx, right::Right, state::App},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{ids::PersonId, photo::Sha256, problem::ProblemCode, time::Millis};

/// The kind of a unit that is a department, as the table `org` has it.
pub const DEPARTMENT: &str = "department";

/// Shortest time between two writes of `last_used`, in ms, so that not every request needs a commit.
const TOUCH_MS: i64 = 60_000;

/// Finds the person of a session token.
///
/// # Errors
/// `auth.token` for an unknown, expired or idle session and for a disabled person.
pub async fn identify(app: &App, token: String) -> Result<Staff, Failure> {
    let key = Sha256::of(token.as_bytes()).to_string();
    let now = app.clock.now();
    let idle = i64::from(app.settings.session_idle_minutes) * 60_000;
    let (staff, last_used) = app.read_quickly(move |tx| find(tx, &key, now, idle)).await?;
    if now.since(last_used) >= TOUCH_MS {
        let key = staff.session.clone();
        app.write(move |tx, ctx| {
            tx.execute(
                "UPDATE session SET last_used = ?2 WHERE token_sha256 = ?1 AND last_used < ?2",
                params![&key, ctx.now.0],
            )?;
            Ok(())
        })
        .await?;
    }
    Ok(staff)
}

/// The right of a request of this session: the session goes on, the person is not disabled, and no role was taken.
pub fn right(app: &App, staff: &Staff) -> Right {
    let idle = i64::from(app.settings.session_idle_minutes) * 60_000;
    let staff = staff.clone();
    Right::new(move |tx, now| {
        let (held, _) = find(tx, &staff.session, now, idle)?;
        let keeps = |grant: &Grant| held.grants.contains(grant);
        match staff.grants.iter().all(keeps) {
            true => Ok(()),
            false => Err(Failure::of(ProblemCode::Forbidden)),
        }
    })
}

fn find(tx: &mut Tx<'_>, key: &str, now: Millis, idle_ms: i64) -> Result<(Staff, Millis), Failure> {
    let found = tx.opt(
        "SELECT s.person, s.last_used, p.password_until FROM session s JOIN person p ON p.id = s.person
         WHERE s.token_sha256 = ?1 AND s.expires > ?2 AND s.last_used > ?3 AND p.disabled IS NULL",
        params![key, now.0, now.0.saturating_sub(idle_ms)],
        |row| {
            let until: Option<i64> = row.get("password_until")?;
            Ok((
                row.parse("person")?,
                Millis(row.get("last_used")?),
                until.is_some(),
            ))
        },
    )?;
    let (person, last_used, password_due): (PersonId, Millis, bool) =
        found.ok_or_else(|| Failure::of(ProblemCode::TokenExpired))?;
    let staff = Staff {
        person,
        grants: grants(tx, person)?,
        session: key.to_owned(),
        password_due,
    };
    Ok((staff, last_used))
}

/// The roles of a person with the areas of their units.
pub fn grants(tx: &mut Tx<'_>, person: PersonId) -> Result<Vec<Grant>, StoreError> {
    tx.all(
        "SELECT g.role, g.org, o.area, o.kind FROM role_grant g JOIN org o ON o.id = g.org
         WHERE g.person = ?1 ORDER BY g.role, g.org",
        params![person.to_string()],
        |row| {
            Ok(Grant {
                role: row.parse("role")?,
                org: row.parse("org")?,
                area: row.parse("area")?,
                is_department: row.get::<String>("kind")? == DEPARTMENT,
            })
        },
    )
}

/// Opens a session for an authenticated person and returns its end. Only the hash of the token is stored.
pub fn open(
    tx: &mut Tx<'_>,
    person: PersonId,
    token: &str,
    now: Millis,
    hours: u32,
) -> Result<Millis, StoreError> {
    let expires = now.plus(i64::from(hours) * 3_600_000);
    tx.execute(
        "INSERT INTO session (token_sha256, person, created, last_used, expires) VALUES (?1, ?2, ?3, ?3, ?4)",
        params![
            Sha256::of(token.as_bytes()).to_string(),
            person.to_string(),
            now.0,
            expires.0
        ],
    )?;
    Ok(expires)
}

/// Ends the session whose token has this SHA-256.
pub fn end(tx: &mut Tx<'_>, token_sha256: &str) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM session WHERE token_sha256 = ?1",
        params![token_sha256],
    )?;
    Ok(())
}

/// Deletes the sessions of all people that expired or were idle for too long, and notes each end (DC-12).
pub fn end_over(tx: &mut Tx<'_>, ctx: &mut Ctx, idle_ms: i64) -> Result<usize, Failure> {
    let now = ctx.now.0;
    let over: Vec<(PersonId, i64)> = tx.all(
        "DELETE FROM session WHERE expires <= ?1 OR last_used <= ?2 RETURNING person, expires",
        params![now, now.saturating_sub(idle_ms)],
        |row| Ok((row.parse("person")?, row.get("expires")?)),
    )?;
    for (person, expires) in &over {
        let why = if *expires <= now { "expired" } else { "idle" };
        audit::note(tx, ctx, Some(*person), "session.end", "session", why)?;
    }
    Ok(over.len())
}

/// Ends what [`end_over`] ends; run by a job.
pub async fn sweep(app: &App) -> Result<usize, Failure> {
    let (now, idle) = (
        app.clock.now().0,
        i64::from(app.settings.session_idle_minutes) * 60_000,
    );
    // A read first: a sweep that finds nothing must not occupy the only writer.
    let over: i64 = app
        .read(move |tx| {
            Ok(tx.one(
                "SELECT COUNT(*) AS n FROM session WHERE expires <= ?1 OR last_used <= ?2",
                params![now, now.saturating_sub(idle)],
                |row| row.get("n"),
            )?)
        })
        .await?;
    match over {
        0 => Ok(0),
        _ => app.write(move |tx, ctx| end_over(tx, ctx, idle)).await,
    }
}

/// Ends all sessions of a person except `but` (SHA-256 of its token) and returns how many.
pub fn end_all(tx: &mut Tx<'_>, person: PersonId, but: Option<&str>) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM session WHERE person = ?1 AND token_sha256 <> ?2",
        params![person.to_string(), but.unwrap_or_default()],
    )
}
