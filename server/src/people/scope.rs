//! How far an administrator reaches: their own unit and those below it in the tree (TJ-01, TJ-02). By the
//! tree and not by the area: a department shares the area of its district and still rules nothing there.

use crate::{
    auth::actor::Staff,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{ids::OrgId, problem::ProblemCode, role::Role};

/// A unit is never deeper than this below the city.
const DEEPEST: usize = 16;

/// The person administers `org`, else `auth.scope`; `request.not_found` when there is no such unit.
pub fn administers(tx: &mut Tx<'_>, staff: &Staff, org: OrgId) -> Result<(), Failure> {
    let own: Vec<OrgId> = staff.orgs(Role::Admin).collect();
    let mut at = Some(org);
    for _ in 0..DEEPEST {
        let Some(org) = at else { break };
        if own.contains(&org) {
            return Ok(());
        }
        at = tx.one(
            "SELECT parent FROM org WHERE id = ?1",
            params![org.to_string()],
            |row| row.parse_opt("parent"),
        )?;
    }
    Err(Failure::of(ProblemCode::OutOfScope))
}

/// All units at which the person has any of `roles`, and those below them, by id.
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

/// Whether `area` is a city, county, street, community or cell code at or below `above`.
pub fn area_below(area: &str, above: &str) -> Result<(), Failure> {
    let digits = area.bytes().all(|b| b.is_ascii_digit()) && matches!(area.len(), 4 | 6 | 8 | 10 | 12);
    if !digits {
        return Err(super::invalid(
            "/area",
            "应为 4 至 12 位区划代码",
            "a code of 4, 6, 8, 10 or 12 digits",
        ));
    }
    if area.starts_with(above) {
        Ok(())
    } else {
        Err(Failure::because(ProblemCode::OutOfScope, "area"))
    }
}
