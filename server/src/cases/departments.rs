//! Units that handle cases: those where a person holds the role of a handling department. At any other unit nobody
//! would see the case.

use crate::{
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{area::Area, ids::OrgId, role::Role};

/// Returns whether the unit is a handling department whose area covers the place of a case.
pub(super) fn handles(tx: &mut Tx<'_>, org: OrgId, case_area: Area) -> Result<bool, StoreError> {
    let area: Option<Area> = tx.opt(
        "SELECT area FROM org WHERE id = ?1
         AND EXISTS (SELECT 1 FROM role_grant g WHERE g.org = org.id AND g.role = ?2)",
        params![org.to_string(), Role::Department.as_str()],
        |row| row.parse("area"),
    )?;
    Ok(area.is_some_and(|area| area.covers(case_area)))
}

/// Returns the handling departments for the place of a case, by id, each with its name.
pub(super) fn all(tx: &mut Tx<'_>, case_area: Area) -> Result<Vec<(OrgId, String)>, StoreError> {
    let rows: Vec<(OrgId, String, Area)> = tx.all(
        "SELECT id, name, area FROM org
         WHERE EXISTS (SELECT 1 FROM role_grant g WHERE g.org = org.id AND g.role = ?1) ORDER BY id",
        params![Role::Department.as_str()],
        |row| Ok((row.parse("id")?, row.get("name")?, row.parse("area")?)),
    )?;
    Ok(rows
        .into_iter()
        .filter(|(_, _, area)| area.covers(case_area))
        .map(|(id, name, _)| (id, name))
        .collect())
}
