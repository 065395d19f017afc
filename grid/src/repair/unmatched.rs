//! Borders that do not match: of cells without a counterpart, and of larger areas that no cell's border follows.

use std::collections::BTreeSet;

use crate::geom::{Pt, edges};
use crate::level::Level;
use crate::loose::LooseArea;

/// The vertices of borders that do not match.
pub(super) struct Unmatched {
    /// Their vertices.
    pub vertices: BTreeSet<Pt>,
    /// True if a border of a street, community or county follows no cell's border.
    pub is_above: bool,
}

/// Finds the borders that do not match. The rim of the cells is among them, unless the file holds the outline.
pub(super) fn find(areas: &[LooseArea]) -> Unmatched {
    let signed = |level_is_cell: bool, sign: i32| {
        areas
            .iter()
            .filter(move |a| match a.area.level {
                Level::Cell => level_is_cell,
                Level::County => !level_is_cell,
                Level::Street | Level::Community => false,
            })
            .flat_map(|a| edges(&a.area.ring))
            .map(move |(a, b)| if a < b { ((a, b), sign) } else { ((b, a), -sign) })
    };
    let mut sums: Vec<((Pt, Pt), i32)> = signed(true, 1).collect();
    let mut of_cells: Vec<(Pt, Pt)> = sums.iter().map(|s| s.0).collect();
    of_cells.sort_unstable();
    of_cells.dedup();
    sums.extend(signed(false, -1));
    sums.sort_unstable();
    let mut vertices = BTreeSet::new();
    for same in sums.chunk_by(|a, b| a.0 == b.0) {
        if same.iter().map(|s| s.1).sum::<i32>() != 0
            && let Some(((a, b), _)) = same.first()
        {
            vertices.extend([*a, *b]);
        }
    }
    let mut is_above = false;
    for loose in areas.iter().filter(|a| a.area.level != Level::Cell) {
        for (a, b) in edges(&loose.area.ring) {
            if of_cells.binary_search(&(a.min(b), a.max(b))).is_err() {
                is_above = true;
                vertices.extend([a, b]);
            }
        }
    }
    Unmatched { vertices, is_above }
}
