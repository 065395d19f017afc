//! Roles that one person must not hold together.

use crate::{
    kernel::failure::{Failure, invalid},
    params,
    store::tx::Tx,
};
use protocol::{
    ids::{OrgId, PersonId},
    role::Role,
};

/// Checks that nobody audits what he administers: the roles auditor and admin exclude each other at one unit.
///
/// # Errors
/// `request.invalid` with the field `/roles`.
pub(super) fn check(tx: &mut Tx<'_>, person: PersonId, role: Role, org: OrgId) -> Result<(), Failure> {
    let other = match role {
        Role::Admin => Role::Auditor,
        Role::Auditor => Role::Admin,
        _ => return Ok(()),
    };
    let held: i64 = tx.one(
        "SELECT COUNT(*) AS n FROM role_grant WHERE person = ?1 AND role = ?2 AND org = ?3",
        params![person.to_string(), other.as_str(), org.to_string()],
        |row| row.get("n"),
    )?;
    if held == 0 {
        return Ok(());
    }
    Err(invalid(
        "/roles",
        "审计员不能兼任同一单位的系统管理员",
        "an auditor cannot administer the same unit",
    ))
}
