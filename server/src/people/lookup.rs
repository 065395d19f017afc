//! Queries about people and units for other rooms.

use crate::{
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    area::Area,
    ids::{OrgId, PersonId},
};

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
pub fn org_area(tx: &mut Tx<'_>, org: OrgId) -> Result<Area, StoreError> {
    tx.one(
        "SELECT area FROM org WHERE id = ?1",
        params![org.to_string()],
        |row| row.parse("area"),
    )
}

/// Returns true if the person exists and is not disabled.
pub fn is_active(tx: &mut Tx<'_>, person: PersonId) -> Result<bool, StoreError> {
    let found = tx.opt(
        "SELECT id FROM person WHERE id = ?1 AND disabled IS NULL",
        params![person.to_string()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Returns true if the person has no account, no role, and never held a post. Nobody can enrol a terminal like that, so
/// it is a placeholder for a person whom the backup that the server was restored from does not contain.
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
