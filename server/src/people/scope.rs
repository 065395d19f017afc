//! The units that an administrator administers: their own and those below it in the tree (TJ-01, TJ-02). The tree
//! decides, not the area: a department has the area of its district but no rights over the district's other units.

use crate::{
    auth::{actor::Staff, sessions::DEPARTMENT},
    kernel::failure::{Failure, invalid},
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    area::{Area, AreaLevel},
    ids::OrgId,
    problem::ProblemCode,
    role::Role,
};

/// Maximum depth of a unit below the city.
const DEEPEST: usize = 16;

/// Checks that the person administers `org`.
///
/// # Errors
/// `auth.scope` if not, `request.not_found` if there is no such unit.
pub fn administers(tx: &mut Tx<'_>, staff: &Staff, org: OrgId) -> Result<(), Failure> {
    let own: Vec<OrgId> = staff.orgs(Role::Admin).collect();
    let mut at = Some(org);
    for _ in 0..DEEPEST {
        let Some(org) = at else { break };
        if own.contains(&org) {
            return Ok(());
        }
        at = parent(tx, org)?;
    }
    Err(Failure::of(ProblemCode::OutOfScope))
}

/// The unit above; `None` for the top unit.
pub fn parent(tx: &mut Tx<'_>, org: OrgId) -> Result<Option<OrgId>, StoreError> {
    tx.one(
        "SELECT parent FROM org WHERE id = ?1",
        params![org.to_string()],
        |row| row.parse_opt("parent"),
    )
}

/// Returns true if the unit is a department or hangs below one.
pub fn in_department(tx: &mut Tx<'_>, org: OrgId) -> Result<bool, StoreError> {
    let mut at = Some(org);
    for _ in 0..DEEPEST {
        let Some(org) = at else { break };
        let (kind, above): (String, Option<OrgId>) = tx.one(
            "SELECT kind, parent FROM org WHERE id = ?1",
            params![org.to_string()],
            |row| Ok((row.get("kind")?, row.parse_opt("parent")?)),
        )?;
        if kind == DEPARTMENT {
            return Ok(true);
        }
        at = above;
    }
    Ok(false)
}

/// The units at which the person has any of `roles`, and all units below them, by id.
pub fn units(tx: &mut Tx<'_>, staff: &Staff, roles: &[Role]) -> Result<Vec<String>, StoreError> {
    let mut found: Vec<String> = staff
        .grants
        .iter()
        .filter(|g| roles.is_empty() || roles.contains(&g.role))
        .map(|g| g.org.to_string())
        .collect();
    let edges: Vec<(String, String)> = tx.all(
        "SELECT id, parent FROM org WHERE parent IS NOT NULL ORDER BY id",
        params![],
        |row| Ok((row.get("parent")?, row.get("id")?)),
    )?;
    let mut below = std::collections::BTreeMap::<&str, Vec<&str>>::new();
    for (parent, id) in &edges {
        below.entry(parent).or_default().push(id);
    }
    let mut seen: std::collections::BTreeSet<String> = found.iter().cloned().collect();
    while let Some(org) = found.pop() {
        for child in below.get(org.as_str()).into_iter().flatten() {
            if seen.insert((*child).to_owned()) {
                found.push((*child).to_owned());
            }
        }
    }
    Ok(seen.into_iter().collect())
}

/// Reads the code of a city, county, street, community or cell at or below `above`.
///
/// # Errors
/// `request.invalid` for another text, `auth.scope` for an area outside `above`.
pub fn area_below(text: &str, above: Area) -> Result<Area, Failure> {
    let area = text.parse::<Area>().ok();
    let area = area.filter(|area| area.level().is_some_and(|level| level >= AreaLevel::City));
    let area = area.ok_or_else(|| {
        invalid(
            "/area",
            "应为 4 至 12 位区划代码",
            "the code must have 4, 6, 8, 10 or 12 digits",
        )
    })?;
    if above.covers(area) {
        Ok(area)
    } else {
        Err(Failure::because(ProblemCode::OutOfScope, "area"))
    }
}
