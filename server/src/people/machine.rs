//! Accounts as the operator of the machine changes them: the way back when no administrator can sign in (A10), and the only
//! one to a further administrator of the top unit. The audit log names the actor `machine`.

use super::{
    accounts::{self, NewPerson},
    grants::{self, RoleAt},
    login,
};
use crate::{
    app::{audit, ctx::Ctx},
    auth::sessions,
    kernel::{config::Settings, failure::Failure},
    params,
    store::tx::Tx,
};
use protocol::{
    ids::{OrgId, PersonId},
    problem::ProblemCode,
    role::Role,
};

/// An account whose password was reset.
#[derive(Debug, Clone)]
pub struct Reset {
    pub person: PersonId,
    pub name: String,
    /// The person was disabled and can sign in again.
    pub enabled: bool,
    /// The person is an administrator of the top unit.
    pub administers_city: bool,
}

/// Sets a first password with this hash, enables the person, and ends the person's sessions.
///
/// # Errors
/// `request.not_found` for an account that does not exist.
pub fn reset(tx: &mut Tx<'_>, ctx: &mut Ctx, account: &str, hash: &str) -> Result<Reset, Failure> {
    let found: Option<(PersonId, String, bool)> = tx.opt(
        "SELECT id, name, disabled FROM person WHERE account = ?1",
        params![account.trim().to_lowercase()],
        |row| {
            let disabled: Option<i64> = row.get("disabled")?;
            Ok((row.parse("id")?, row.get("name")?, disabled.is_some()))
        },
    )?;
    let (person, name, enabled) =
        found.ok_or_else(|| Failure::because(ProblemCode::NotFound, "no such account"))?;
    let until = login::first_until(ctx.now, &Settings::default());
    login::set(tx, person, hash, Some(until))?;
    tx.execute(
        "UPDATE person SET disabled = NULL WHERE id = ?1",
        params![person.to_string()],
    )?;
    sessions::end_all(tx, person, None)?;
    let entity = format!("person:{person}");
    audit::note_machine(tx, ctx, "person.password", &entity, "reset")?;
    if enabled {
        audit::note_machine(tx, ctx, "person.enable", &entity, "")?;
    }
    Ok(Reset {
        person,
        name,
        enabled,
        administers_city: grants::is_root_admin(tx, person)?,
    })
}

/// Adds a person with an account as a further administrator of the top unit.
///
/// # Errors
/// `request.not_found` without a city, `people.account_taken`, `request.invalid`.
pub fn add_administrator(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    (account, name): (&str, &str),
    hash: &str,
) -> Result<PersonId, Failure> {
    let city: Option<OrgId> = tx.opt(
        "SELECT id FROM org WHERE parent IS NULL ORDER BY created, id LIMIT 1",
        params![],
        |row| row.parse("id"),
    )?;
    let org = city.ok_or_else(|| Failure::because(ProblemCode::NotFound, "no city; run init first"))?;
    let role = RoleAt {
        role: Role::Admin,
        org,
    };
    let new = NewPerson {
        name: name.to_owned(),
        org,
        account: Some(account.to_owned()),
        roles: vec![role],
    };
    let until = login::first_until(ctx.now, &Settings::default());
    let person = accounts::insert(tx, ctx, &new, Some((hash, until)))?;
    let detail = format!("{} at {org}", role.role);
    let entity = format!("person:{person}");
    audit::note_machine(tx, ctx, "person.create", &entity, &detail)?;
    Ok(person)
}
