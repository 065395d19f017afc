//! The stored table from statistics codes to two-digit serials.
//!
//! A code of the grid has two digits for the street and two for the community (SJ-05); a statistics code has three
//! and three, with gaps up to 598. The serial is therefore a rank, assigned once and kept: a new unit takes the next
//! free number, and existing units are never renumbered. The number of a removed unit is never reused.

use std::collections::{BTreeMap, BTreeSet};

use protocol::codes::{CommunityCode, CountyCode, StreetCode};
use serde::{Deserialize, Serialize};

use super::error::CutError;
use super::source::CountyUnits;

/// The table of one county. Both an input and an output of a cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbering {
    /// The county.
    pub county: CountyCode,
    /// Statistics code of nine digits to the street's serial in the county, 1..=99.
    pub streets: BTreeMap<String, u8>,
    /// Statistics code of twelve digits to the community's serial in its street, 1..=99.
    pub communities: BTreeMap<String, u8>,
}

impl Numbering {
    /// Returns an empty table.
    pub fn new(county: CountyCode) -> Self {
        Self {
            county,
            streets: BTreeMap::new(),
            communities: BTreeMap::new(),
        }
    }

    /// Assigns the next free number under its parent to every unit of the list that has none, in the order of
    /// statistics codes. Existing numbers stay unchanged. Returns an error if the table assigns a number twice, and
    /// for a hundredth unit.
    pub fn extend(&mut self, units: &CountyUnits) -> Result<(), CutError> {
        if units.code != self.county.as_str() {
            return Err(CutError::Numbering(format!(
                "the table is for {}, the list for {}",
                self.county, units.code
            )));
        }
        let streets: BTreeSet<&str> = units.streets.iter().map(|s| s.code.as_str()).collect();
        let communities: BTreeSet<&str> = units
            .streets
            .iter()
            .flat_map(|s| &s.communities)
            .map(|c| c.code.as_str())
            .collect();
        assign(&mut self.streets, &streets, 6)?;
        assign(&mut self.communities, &communities, 9)
    }

    /// Returns the grid's code of the street with this statistics code.
    pub fn street(&self, stat: &str) -> Result<StreetCode, CutError> {
        let serial = self
            .streets
            .get(stat)
            .ok_or_else(|| CutError::Numbering(format!("{stat} has no number")))?;
        self.county
            .street(*serial)
            .map_err(|e| CutError::Numbering(e.to_string()))
    }

    /// Returns the grid's code of the community with this statistics code.
    pub fn community(&self, stat: &str) -> Result<CommunityCode, CutError> {
        let missing = || CutError::Numbering(format!("{stat} has no number"));
        let serial = self.communities.get(stat).ok_or_else(missing)?;
        let street = self.street(stat.get(..9).ok_or_else(missing)?)?;
        street
            .community(*serial)
            .map_err(|e| CutError::Numbering(e.to_string()))
    }
}

/// `parent` is the number of digits of a statistics code that name the parent.
fn assign(table: &mut BTreeMap<String, u8>, listed: &BTreeSet<&str>, parent: usize) -> Result<(), CutError> {
    let parent_of = |stat: &str| stat.get(..parent).unwrap_or_default().to_owned();
    let mut taken: BTreeMap<String, BTreeSet<u8>> = BTreeMap::new();
    for (stat, &serial) in table.iter() {
        if !(1..=99).contains(&serial) || !taken.entry(parent_of(stat)).or_default().insert(serial) {
            return Err(CutError::Numbering(format!(
                "{stat}: number {serial} is taken or not in 1..=99"
            )));
        }
    }
    for stat in listed {
        if table.contains_key(*stat) {
            continue;
        }
        let taken = taken.entry(parent_of(stat)).or_default();
        let serial = (1..=99).find(|n| !taken.contains(n));
        let serial =
            serial.ok_or_else(|| CutError::Numbering(format!("{stat}: all 99 numbers are taken")))?;
        taken.insert(serial);
        table.insert((*stat).to_owned(), serial);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::source::{CommunityUnit, StreetUnits};
    use super::*;

    fn county(communities: &[&str]) -> CountyUnits {
        let unit = |c: &&str| CommunityUnit {
            code: (*c).to_owned(),
            name: String::new(),
        };
        let street = StreetUnits {
            code: "220104001".into(),
            name: String::new(),
            communities: communities.iter().map(unit).collect(),
        };
        CountyUnits {
            code: "220104".into(),
            name: String::new(),
            streets: vec![street],
        }
    }

    /// Rule: SJ-05
    #[test]
    fn a_new_unit_takes_the_next_number_and_existing_units_keep_theirs() {
        let mut table = Numbering::new("220104".parse().unwrap());
        table
            .extend(&county(&["220104001002", "220104001005", "220104001200"]))
            .unwrap();
        assert_eq!(table.community("220104001005").unwrap().as_str(), "2201040102");
        // Next year a unit with a lower code is new, and the second unit no longer exists.
        table
            .extend(&county(&["220104001001", "220104001002", "220104001200"]))
            .unwrap();
        assert_eq!(table.community("220104001001").unwrap().as_str(), "2201040104");
        assert_eq!(table.community("220104001005").unwrap().as_str(), "2201040102");
        assert_eq!(table.community("220104001200").unwrap().as_str(), "2201040103");
        let stored = serde_json::to_string(&table).unwrap();
        assert_eq!(serde_json::from_str::<Numbering>(&stored).unwrap(), table);
    }

    #[test]
    fn a_number_given_twice_and_a_hundredth_unit_are_refused() {
        let mut table = Numbering::new("220104".parse().unwrap());
        table
            .communities
            .extend([("220104001001".to_owned(), 7), ("220104001002".to_owned(), 7)]);
        assert!(matches!(table.extend(&county(&[])), Err(CutError::Numbering(_))));
        let many: Vec<String> = (1..=100).map(|n| format!("220104001{n:03}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut table = Numbering::new("220104".parse().unwrap());
        assert!(table.extend(&county(&many[..99])).is_ok());
        assert!(matches!(
            table.extend(&county(&many)),
            Err(CutError::Numbering(_))
        ));
    }
}
