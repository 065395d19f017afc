//! People: organisations, accounts, roles, sessions, posts and who holds them.

pub mod accounts;
pub mod divisions;
pub mod login;
pub mod orgs;
pub mod passwords;
pub mod posts;
pub mod scope;

use crate::{
    http::operation::Operations,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    ids::{OrgId, PersonId},
    problem::{FieldError, ProblemCode},
    role::Role,
};
use utoipa_axum::routes;

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .open("signing in is how a token is got", routes!(login::sign_in))
        .staff(&[], routes!(login::who, login::sign_out))
        .staff(&[], routes!(login::sign_out_everywhere))
        .staff(&[], routes!(login::change_password))
        .staff(&[], routes!(orgs::list))
        .staff(&[Role::Admin], routes!(orgs::create))
        .staff(&[Role::Admin], routes!(accounts::create, accounts::list))
        .staff(&[Role::Admin], routes!(accounts::roles))
        .staff(&[Role::Admin], routes!(accounts::disable))
        .staff(&[Role::Admin], routes!(accounts::reset))
        .staff(&[Role::Admin, Role::Supervisor], routes!(posts::list))
        .staff(&[Role::Admin], routes!(posts::create))
        .staff(&[Role::Admin], routes!(posts::put_areas))
        .staff(&[Role::Admin], routes!(posts::assign))
        .staff(&[Role::Admin], routes!(posts::relieve))
        .with(divisions::routes())
}

/// `request.invalid` for one field.
pub(crate) fn invalid(at: &str, zh: &str, en: &str) -> Failure {
    let error = FieldError {
        at: at.into(),
        zh: zh.into(),
        en: en.into(),
    };
    Failure::fields(ProblemCode::Invalid, vec![error])
}

/// The unit that a person belongs to.
pub fn org_of(tx: &mut Tx<'_>, person: PersonId) -> Result<OrgId, StoreError> {
    tx.one(
        "SELECT org FROM person WHERE id = ?1",
        params![person.to_string()],
        |row| row.parse("org"),
    )
}

/// A person's name as people read it.
pub fn name(tx: &mut Tx<'_>, person: PersonId) -> Result<String, StoreError> {
    tx.one(
        "SELECT name FROM person WHERE id = ?1",
        params![person.to_string()],
        |row| row.get("name"),
    )
}

/// A unit's name.
pub fn org_name(tx: &mut Tx<'_>, org: OrgId) -> Result<String, StoreError> {
    tx.one(
        "SELECT name FROM org WHERE id = ?1",
        params![org.to_string()],
        |row| row.get("name"),
    )
}

/// The area of a unit: the prefix of the cell codes in its reach.
pub fn org_area(tx: &mut Tx<'_>, org: OrgId) -> Result<String, StoreError> {
    tx.one(
        "SELECT area FROM org WHERE id = ?1",
        params![org.to_string()],
        |row| row.get("area"),
    )
}

/// Whether the person exists and is not disabled.
pub fn is_active(tx: &mut Tx<'_>, person: PersonId) -> Result<bool, StoreError> {
    let found = tx.opt(
        "SELECT id FROM person WHERE id = ?1 AND disabled IS NULL",
        params![person.to_string()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Whether nothing makes this person a worker: no account, no role, and never a post. Nobody enrols so; it is who came
/// back with a handset after the server was restored from a backup that does not know him as one.
pub fn is_unverified(tx: &mut Tx<'_>, person: PersonId) -> Result<bool, StoreError> {
    let found = tx.opt(
        "SELECT id FROM person WHERE id = ?1 AND account IS NULL
             AND NOT EXISTS (SELECT 1 FROM role_grant WHERE person = ?1)
             AND NOT EXISTS (SELECT 1 FROM post_holder WHERE person = ?1)",
        params![person.to_string()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}
