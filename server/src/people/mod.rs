//! People: organisations, accounts, roles, sessions, posts and who holds them.

pub mod divisions;
pub mod posts;
pub mod sessions;

use crate::{
    app::App,
    http::operation::Operations,
    params,
    store::{StoreError, Tx},
};
use protocol::ids::{OrgId, PersonId};

/// The routes of this room.
pub fn routes(app: &App) -> Operations {
    Operations::new(app)
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
    tx.one("SELECT name FROM org WHERE id = ?1", params![org.to_string()], |row| {
        row.get("name")
    })
}

/// The area of a unit: the prefix of the cell codes in its reach.
pub fn org_area(tx: &mut Tx<'_>, org: OrgId) -> Result<String, StoreError> {
    tx.one("SELECT area FROM org WHERE id = ?1", params![org.to_string()], |row| {
        row.get("area")
    })
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
