//! The four levels of the grid and how their codes nest.

use serde::{Deserialize, Serialize};

/// County, street, community, cell: 6, 8, 10 and 12 digits (SJ-05).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// 县级区划
    County,
    /// 街道/乡镇
    Street,
    /// 社区/村
    Community,
    /// 万米单元网格
    Cell,
}

impl Level {
    /// All levels, from the highest to the lowest.
    pub const ALL: [Self; 4] = [Self::County, Self::Street, Self::Community, Self::Cell];

    /// Returns the number of digits of a code of this level.
    pub const fn digits(self) -> usize {
        match self {
            Self::County => 6,
            Self::Street => 8,
            Self::Community => 10,
            Self::Cell => 12,
        }
    }

    /// Returns the level of a code by its number of digits; `None` if it is not a code of any level.
    pub fn of_code(code: &str) -> Option<Self> {
        let is_code = code.bytes().all(|b| b.is_ascii_digit());
        Self::ALL
            .into_iter()
            .find(|l| is_code && l.digits() == code.len())
    }

    /// Returns the next higher level; `None` for a county.
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::County => None,
            Self::Street => Some(Self::County),
            Self::Community => Some(Self::Street),
            Self::Cell => Some(Self::Community),
        }
    }
}

/// Returns the code of the unit one level up; `None` for a county and for text that is not a code.
pub fn parent_code(code: &str) -> Option<&str> {
    Level::of_code(code)?
        .parent()
        .and_then(|p| code.get(..p.digits()))
}
