//! Who may give which role where, and what a city must keep (TJ-01, TJ-02).

use super::{scope, separation};
use crate::{
    auth::{actor::Staff, sessions},
    kernel::failure::{Failure, invalid, named},
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    ids::{OrgId, PersonId},
    problem::ProblemCode,
    role::Role,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A role at a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoleAt {
    pub role: Role,
    pub org: OrgId,
}

/// Checks that the person may give this role: at the own unit or below it, and the role of an administrator only below it.
/// An administrator who made another one of the same unit would outlive the loss of the role. At the top unit nobody
/// is one level up: there the command line on the server makes administrators.
///
/// # Errors
/// `auth.scope` outside the caller's units, `people.admin_level` for an administrator of the caller's own unit.
pub(super) fn may_give(tx: &mut Tx<'_>, staff: &Staff, at: RoleAt) -> Result<(), Failure> {
    scope::administers(tx, staff, at.org).map_err(named("/roles"))?;
    if at.role != Role::Admin {
        return Ok(());
    }
    let level = || Failure::of(ProblemCode::AdministratorLevel);
    let above = scope::parent(tx, at.org)?.ok_or_else(level)?;
    scope::administers(tx, staff, above).map_err(|error| match error.code() {
        Some(ProblemCode::OutOfScope) => level(),
        _ => error,
    })
}

pub(super) fn roles_of(tx: &mut Tx<'_>, person: PersonId) -> Result<Vec<RoleAt>, StoreError> {
    let grants = sessions::grants(tx, person)?.into_iter();
    Ok(grants
        .map(|g| RoleAt {
            role: g.role,
            org: g.org,
        })
        .collect())
}

/// A department gets its own role and administrators of its own people; every other role reaches an area, and a department
/// has that of its whole district (A1). What hangs below a department is part of it.
pub(super) fn grant(tx: &mut Tx<'_>, person: PersonId, at: RoleAt) -> Result<(), Failure> {
    let of_departments = matches!(at.role, Role::Department | Role::Admin);
    if !of_departments && scope::in_department(tx, at.org)? {
        return Err(invalid(
            "/roles",
            "部门只能有部门岗位和本部门管理员，请选择区、街道或社区",
            "a department has only its own role and its administrators; choose a district, street or community",
        ));
    }
    separation::check(tx, person, at.role, at.org)?;
    tx.execute(
        "INSERT INTO role_grant (person, role, org) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![person.to_string(), at.role.as_str(), at.org.to_string()],
    )?;
    Ok(())
}

/// The number of administrators of the top unit who can sign in, without `person`.
fn other_root_admins(tx: &mut Tx<'_>, person: PersonId) -> Result<i64, StoreError> {
    tx.one(
        "SELECT COUNT(*) AS n FROM role_grant g JOIN org o ON o.id = g.org JOIN person p ON p.id = g.person
         WHERE g.role = ?1 AND o.parent IS NULL AND p.disabled IS NULL AND p.account IS NOT NULL AND p.id <> ?2",
        params![Role::Admin.as_str(), person.to_string()],
        |row| row.get("n"),
    )
}

/// Refuses what would leave the city without an administrator (A10).
pub(super) fn keeps_an_administrator(tx: &mut Tx<'_>, person: PersonId) -> Result<(), Failure> {
    match other_root_admins(tx, person)? {
        0 => Err(Failure::of(ProblemCode::LastAdministrator)),
        _ => Ok(()),
    }
}

pub(super) fn is_root_admin(tx: &mut Tx<'_>, person: PersonId) -> Result<bool, StoreError> {
    let found = tx.opt(
        "SELECT o.id FROM role_grant g JOIN org o ON o.id = g.org
         WHERE g.person = ?1 AND g.role = ?2 AND o.parent IS NULL",
        params![person.to_string(), Role::Admin.as_str()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Every unit at which the person has a role, and the person's own, must be administered by the caller: who disables
/// somebody ends what he does everywhere (A10).
pub(super) fn reaches_all_of(tx: &mut Tx<'_>, staff: &Staff, person: PersonId) -> Result<(), Failure> {
    let org = super::lookup::org_of(tx, person)?;
    scope::administers(tx, staff, org)?;
    for grant in sessions::grants(tx, person)? {
        scope::administers(tx, staff, grant.org)?;
    }
    Ok(())
}
