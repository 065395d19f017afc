//! The units that an administrator administers: their own and those below it in the tree (TJ-01, TJ-02). The tree
//! decides, not the area: a department has the area of its district but no rights over the district's other units.

use crate::{
    auth::actor::Staff,
    kernel::failure::{Failure, invalid},
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{ids::OrgId, problem::ProblemCode, role::Role};

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
        at = tx.one(
            "SELECT parent FROM org WHERE id = ?1",
            params![org.to_string()],
            |row| row.parse_opt("parent"),
        )?;
    }
    Err(Failure::of(ProblemCode::OutOfScope))
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

/// Checks that `area` is a city, county, street, community or cell code at or below `above`.
pub fn area_below(area: &str, above: &str) -> Result<(), Failure> {
    let digits = area.bytes().all(|b| b.is_ascii_digit()) && matches!(area.len(), 4 | 6 | 8 | 10 | 12);
    if !digits {
        return Err(invalid(
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

/// The longest area that holds all of `areas`, cut to a whole level (city 4, county 6, street 8, community 10);
/// empty when they share no city.
pub fn common_area(areas: &[String]) -> String {
    let Some((first, rest)) = areas.split_first() else {
        return String::new();
    };
    let shared = rest.iter().fold(first.len(), |n, area| {
        first
            .bytes()
            .zip(area.bytes())
            .take(n)
            .take_while(|(a, b)| a == b)
            .count()
    });
    let level = [12, 10, 8, 6, 4].into_iter().find(|l| *l <= shared).unwrap_or(0);
    first.get(..level).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_post_of_several_communities_answers_for_their_street() {
        let area = |list: &[&str]| common_area(&list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(area(&["2201040101", "2201040102"]), "22010401");
        assert_eq!(area(&["220104010101"]), "220104010101");
        assert_eq!(area(&["220104", "220105"]), "2201");
        assert_eq!(area(&["22", "33"]), "");
        assert_eq!(area(&[]), "");
    }

    proptest! {
        #[test]
        fn the_common_area_holds_every_area(tails in proptest::collection::vec("[0-9]{2,6}", 1..5)) {
            let areas: Vec<String> = tails.iter().map(|t| format!("2201{t}")).collect();
            let common = common_area(&areas);
            prop_assert!(common.len() >= 4);
            prop_assert!(areas.iter().all(|a| a.starts_with(&common)));
        }
    }
}
