//! Lists of the handset's grid, for a worker without a fix: streets, communities, cells, and the cells around a point.
//!
//! The lists follow the cells, so that a unit without a name in the grid is listed too.

use crate::{
    Error, Result,
    grid::place::{CellName, HandsetGrid},
};
use protocol::{
    codes::{CellCode, CommunityCode, StreetCode},
    geo::PointE7,
    problem::HandsetCode,
};

/// A street (街道/乡镇) or community (社区/村) that has cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUnit<C> {
    pub code: C,
    /// `None` if the grid does not name it.
    pub name: Option<String>,
    /// Number of its cells.
    pub cells: usize,
}

/// A street with its name.
pub type ListedStreet = ListedUnit<StreetCode>;
/// A community with its name.
pub type ListedCommunity = ListedUnit<CommunityCode>;

/// A cell near a point.
#[derive(Debug, Clone, PartialEq)]
pub struct NearCell {
    pub cell: CellName,
    /// Distance to its border in metres; 0 for the cell that contains the point.
    pub metres: f64,
}

impl HandsetGrid {
    /// All streets, by code.
    pub fn streets(&self) -> Vec<ListedStreet> {
        let pack = self.view();
        units(self.codes().map(CellCode::street), |code| {
            pack.street(code).map(|unit| unit.name.to_owned())
        })
    }
    /// The communities of a street, by code.
    pub fn communities(&self, street: StreetCode) -> Vec<ListedCommunity> {
        let pack = self.view();
        let codes = self.codes().filter(|cell| cell.street() == street);
        units(codes.map(CellCode::community), |code| {
            pack.community(code).map(|unit| unit.name.to_owned())
        })
    }
    /// The cells of a community, by code.
    pub fn cells_of(&self, community: CommunityCode) -> Vec<CellName> {
        let codes = self.codes().filter(|cell| cell.community() == community);
        codes.map(|code| self.name(code)).collect()
    }
    /// The nearest cells of a WGS-84 point, at most `limit`, nearest first.
    pub fn cells_near(&self, point: PointE7, limit: usize) -> Vec<NearCell> {
        let near = self.view().nearest_cells(point, limit);
        near.into_iter()
            .map(|(code, metres)| NearCell {
                cell: self.name(code),
                metres,
            })
            .collect()
    }
    /// Returns true if the grid has a cell of this code.
    pub fn has(&self, cell: CellCode) -> bool {
        self.view().cell(cell).is_some()
    }
    /// The codes of all cells, ascending.
    fn codes(&self) -> impl Iterator<Item = CellCode> {
        self.view().cells().map(|cell| cell.code)
    }
}

/// Counts equal codes, which are adjacent because cells are ordered by code.
fn units<C: Copy + PartialEq>(
    codes: impl Iterator<Item = C>,
    name: impl Fn(C) -> Option<String>,
) -> Vec<ListedUnit<C>> {
    let mut units: Vec<ListedUnit<C>> = Vec::new();
    for code in codes {
        match units.last_mut() {
            Some(last) if last.code == code => last.cells = last.cells.saturating_add(1),
            _ => units.push(ListedUnit {
                code,
                name: name(code),
                cells: 1,
            }),
        }
    }
    units
}

/// Parses a cell code of twelve digits as people write it: hyphens are allowed.
///
/// # Errors
/// `place.unknown`
pub fn parse_cell(text: &str) -> Result<CellCode> {
    text.trim()
        .replace('-', "")
        .parse()
        .map_err(|_| unknown_unit(text))
}

pub(crate) fn unknown_unit(wanted: &str) -> Error {
    let shown: String = wanted.chars().take(48).collect();
    Error::input(
        HandsetCode::PlaceUnknown,
        format!("本机网格中没有「{shown}」"),
        format!("the grid on this handset has no “{shown}”"),
    )
}
