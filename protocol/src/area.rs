//! An area of responsibility or reach (责任区、管辖范围): every cell whose code begins with the same digits.
//!
//! Cell codes are built level by level (SJ-05), so a prefix names a province, city, county, street, community or one
//! cell. Organisations, posts, cases and activity records have areas; areas decide who may see or do what (TJ-01,
//! TJ-02).

use crate::codes::{CellCode, CommunityCode, CountyCode, StreetCode};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// Number of digits of a cell code, the longest area.
const LONGEST: usize = 12;

/// A prefix of cell codes: 0 to 12 decimal digits.
///
/// On the wire and in databases it is the text of its digits. The order is that of the text. The empty area
/// ([`Area::EVERYWHERE`]) contains every cell: a record whose parts lie in no common city has it, and so only a
/// person whose own area is empty reaches that record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Area {
    /// The digits, then zero bytes. Zero sorts before every digit, so the derived order is that of the text.
    digits: [u8; LONGEST],
    len: u8,
}

/// The administrative level of an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AreaLevel {
    /// 省, 2 digits.
    Province,
    /// 市, 4 digits.
    City,
    /// 区县, 6 digits.
    County,
    /// 街道/乡镇, 8 digits.
    Street,
    /// 社区/村, 10 digits.
    Community,
    /// 单元网格, 12 digits.
    Cell,
}

/// The text is not a prefix of a cell code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an area has 0 to 12 decimal digits, not {got:?}")]
pub struct AreaError {
    /// The text, cut to 32 characters.
    pub got: String,
}

impl Area {
    /// The empty area, which contains every cell.
    pub const EVERYWHERE: Self = Self {
        digits: [0; LONGEST],
        len: 0,
    };

    /// The digits.
    pub fn as_str(&self) -> &str {
        self.bytes()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .unwrap_or_default()
    }
    /// The number of digits, 0 to 12.
    pub const fn digits(&self) -> u8 {
        self.len
    }
    /// The level, `None` for an area between two levels, such as 3 digits, and for [`Self::EVERYWHERE`].
    pub const fn level(&self) -> Option<AreaLevel> {
        match self.len {
            2 => Some(AreaLevel::Province),
            4 => Some(AreaLevel::City),
            6 => Some(AreaLevel::County),
            8 => Some(AreaLevel::Street),
            10 => Some(AreaLevel::Community),
            12 => Some(AreaLevel::Cell),
            _ => None,
        }
    }
    /// True if the cell lies in this area.
    pub fn contains(&self, cell: CellCode) -> bool {
        self.covers(Self::from(cell))
    }
    /// True if all of `other` lies in this area. An area covers itself.
    pub fn covers(&self, other: Self) -> bool {
        other.as_str().starts_with(self.as_str())
    }
    /// The smallest area of a whole level, from city to cell, that covers all of `areas`; [`Self::EVERYWHERE`] if
    /// they lie in no common city or there are none.
    pub fn common(areas: impl IntoIterator<Item = Self>) -> Self {
        let mut areas = areas.into_iter();
        let Some(first) = areas.next() else {
            return Self::EVERYWHERE;
        };
        let shared = areas.fold(usize::from(first.len), |most, area| {
            let pairs = first.as_str().bytes().zip(area.as_str().bytes());
            pairs.take(most).take_while(|(a, b)| a == b).count()
        });
        let level = [12, 10, 8, 6, 4].into_iter().find(|level| *level <= shared);
        let prefix = first.as_str().get(..level.unwrap_or(0));
        prefix
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(Self::EVERYWHERE)
    }
    /// Those of `areas` that no other one covers, so that nothing lies in two of them.
    pub fn apart(areas: &[Self]) -> Vec<Self> {
        let mut sorted = areas.to_vec();
        sorted.sort();
        let mut apart: Vec<Self> = Vec::new();
        for area in sorted {
            // An area sorts behind those that cover it, with only their other parts between.
            if !apart.last().is_some_and(|last| last.covers(area)) {
                apart.push(area);
            }
        }
        apart
    }
    /// The parts of `areas` that lie in `asked`.
    pub fn shared(areas: &[Self], asked: Self) -> Vec<Self> {
        if areas.iter().any(|area| area.covers(asked)) {
            return vec![asked];
        }
        areas.iter().copied().filter(|area| asked.covers(*area)).collect()
    }
    /// The first area of the same length behind this one and all that it covers; `None` if none follows.
    pub fn following(&self) -> Option<Self> {
        let mut next = *self;
        let digits = next.digits.get_mut(..usize::from(self.len))?;
        let last = digits.iter().rposition(|digit| *digit != b'9')?;
        *digits.get_mut(last)? += 1;
        for digit in digits.iter_mut().skip(last + 1) {
            *digit = b'0';
        }
        Some(next)
    }
    fn bytes(&self) -> Option<&[u8]> {
        self.digits.get(..usize::from(self.len))
    }
}

impl Default for Area {
    fn default() -> Self {
        Self::EVERYWHERE
    }
}
impl FromStr for Area {
    type Err = AreaError;
    fn from_str(text: &str) -> Result<Self, AreaError> {
        let bad = || AreaError {
            got: text.chars().take(32).collect(),
        };
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad());
        }
        let len = u8::try_from(text.len()).map_err(|_| bad())?;
        let mut area = Self {
            len,
            ..Self::EVERYWHERE
        };
        area.digits
            .get_mut(..text.len())
            .ok_or_else(bad)?
            .copy_from_slice(text.as_bytes());
        Ok(area)
    }
}
macro_rules! from_code {
    ($($code:ident),*) => {$(
        impl From<$code> for Area {
            fn from(code: $code) -> Self {
                // A cell code is 12 digits and always parses, so the fallback is never used.
                code.as_str().parse().unwrap_or(Self::EVERYWHERE)
            }
        }
    )*};
}
from_code!(CountyCode, StreetCode, CommunityCode, CellCode);

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
impl fmt::Debug for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Area({self})")
    }
}
impl Serialize for Area {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}
impl<'de> Deserialize<'de> for Area {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Area {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[0-9]{0,12}$"))
            .description(Some("Prefix of cell codes."))
            .into()
    }
}
#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Area {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn area(text: &str) -> Area {
        text.parse().unwrap()
    }

    #[test]
    fn areas_apart_share_no_cell_and_lose_none() {
        let all = |texts: &[&str]| texts.iter().map(|text| area(text)).collect::<Vec<_>>();
        let apart = |texts: &[&str]| Area::apart(&all(texts));
        assert_eq!(
            apart(&["220104", "2201", "2202", "22010401", "220104"]),
            all(&["2201", "2202"])
        );
        assert_eq!(apart(&["", "22"]), all(&[""]));
        assert_eq!(apart(&[]), all(&[]));
        let of_two = all(&["220104", "2202"]);
        assert_eq!(Area::shared(&of_two, area("22")), of_two);
        assert_eq!(Area::shared(&of_two, area("22010403")), all(&["22010403"]));
        assert_eq!(Area::shared(&of_two, area("2203")), all(&[]));
    }

    proptest! {
        #[test]
        fn what_an_area_covers_lies_from_it_to_the_following_one(outer in "[0-9]{0,4}", inner in "[0-9]{0,6}") {
            let (outer, inner) = (area(&outer), area(&inner));
            let before_next = outer.following().is_none_or(|next| inner < next);
            prop_assert_eq!(outer.covers(inner), outer <= inner && before_next && inner.as_str().len() >= outer.as_str().len());
        }
    }

    #[test]
    fn an_area_contains_the_cells_that_begin_with_it() {
        let cell: CellCode = "220104010203".parse().unwrap();
        for text in [
            "",
            "22",
            "2201",
            "220104",
            "22010401",
            "2201040102",
            "220104010203",
        ] {
            assert!(area(text).contains(cell), "{text}");
        }
        for text in ["21", "220105", "220104010204"] {
            assert!(!area(text).contains(cell), "{text}");
        }
        assert!(area("2201").covers(area("220104")) && !area("220104").covers(area("2201")));
        assert_eq!(Area::from(cell.street()), area("22010401"));
    }

    #[test]
    fn a_text_that_is_not_a_prefix_of_a_cell_code_is_rejected() {
        for text in ["2201a", "２２", " 22", "-1", "1234567890123"] {
            assert!(text.parse::<Area>().is_err(), "{text}");
        }
        assert!("9".repeat(300).parse::<Area>().is_err());
        assert_eq!("".parse(), Ok(Area::EVERYWHERE));
    }

    #[test]
    fn only_whole_levels_have_a_level() {
        assert_eq!(area("2201").level(), Some(AreaLevel::City));
        assert_eq!(area("220104010203").level(), Some(AreaLevel::Cell));
        assert_eq!((area("220").level(), Area::EVERYWHERE.level()), (None, None));
    }

    #[test]
    fn the_common_area_is_the_smallest_whole_level_that_covers_all() {
        let common = |texts: &[&str]| Area::common(texts.iter().map(|text| area(text))).to_string();
        assert_eq!(common(&["2201040101", "2201040102"]), "22010401");
        assert_eq!(common(&["220104010101"]), "220104010101");
        assert_eq!(common(&["220104", "220105"]), "2201");
        assert_eq!(common(&["22", "33"]), "");
        assert_eq!(common(&[]), "");
    }

    proptest! {
        #[test]
        fn an_area_survives_its_text_form_and_keeps_its_order(a in "[0-9]{0,12}", b in "[0-9]{0,12}") {
            let (x, y) = (area(&a), area(&b));
            prop_assert_eq!(x.as_str(), a.as_str());
            let json = serde_json::to_string(&x).unwrap();
            prop_assert_eq!(&json, &format!("\"{a}\""));
            prop_assert_eq!(serde_json::from_str::<Area>(&json).unwrap(), x);
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x.covers(y), b.starts_with(&a));
        }

        #[test]
        fn the_common_area_covers_every_area(tails in proptest::collection::vec("[0-9]{2,6}", 1..5)) {
            let areas: Vec<Area> = tails.iter().map(|tail| area(&format!("2201{tail}"))).collect();
            let common = Area::common(areas.iter().copied());
            prop_assert!(common.digits() >= 4);
            prop_assert!(areas.iter().all(|a| common.covers(*a)));
        }
    }
}
