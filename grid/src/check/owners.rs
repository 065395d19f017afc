//! Who owns a border, and which cells hold a point.

use std::collections::HashMap;

use crate::geom::{Bounds, Pt, edges, holds};
use crate::loose::LooseArea;

/// A border between two vertices.
pub(crate) type Edge = (Pt, Pt);

/// Tiles of 65,536 units, for the cells near a point. [`super::bounds`] limits how many a file can fill.
const TILE_SHIFT: u32 = 16;

/// Every border (lower endpoint first) with the positions of its owners and whether each runs along it forwards.
pub(super) struct Owners<'a> {
    cells: &'a [&'a LooseArea],
    /// Each border with its owners.
    pub borders: Vec<(Edge, Vec<(usize, bool)>)>,
    tiles: HashMap<(i32, i32), Vec<usize>>,
}

impl<'a> Owners<'a> {
    pub fn of(cells: &'a [&'a LooseArea]) -> Self {
        let directed = cells
            .iter()
            .enumerate()
            .flat_map(|(k, c)| edges(&c.area.ring).map(move |e| (e, k)));
        let mut all: Vec<(Edge, usize, bool)> = directed
            .map(|((a, b), k)| {
                if a < b {
                    ((a, b), k, true)
                } else {
                    ((b, a), k, false)
                }
            })
            .collect();
        all.sort_unstable();
        let borders = all
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|g| Some((g.first()?.0, g.iter().map(|x| (x.1, x.2)).collect())))
            .collect();
        let mut tiles: HashMap<(i32, i32), Vec<usize>> = HashMap::new();
        for (k, cell) in cells.iter().enumerate() {
            let Some(box_of) = Bounds::of(cell.area.ring.iter().copied()) else {
                continue;
            };
            let across = |low: i32, high: i32| (low >> TILE_SHIFT)..=(high >> TILE_SHIFT);
            for x in across(box_of.min.x, box_of.max.x) {
                for y in across(box_of.min.y, box_of.max.y) {
                    tiles.entry((x, y)).or_default().push(k);
                }
            }
        }
        Self {
            cells,
            borders,
            tiles,
        }
    }

    pub fn code(&self, k: usize) -> String {
        self.cells.get(k).map(|c| c.area.code.clone()).unwrap_or_default()
    }

    pub fn of_border(&self, a: Pt, b: Pt) -> &[(usize, bool)] {
        let key = (a.min(b), a.max(b));
        let at = self.borders.binary_search_by_key(&key, |x| x.0).ok();
        at.and_then(|k| self.borders.get(k)).map_or(&[], |x| &x.1)
    }

    /// Returns the codes of the cells along loops, at most eight.
    pub fn around<'r>(&self, rings: impl IntoIterator<Item = &'r [Pt]>) -> Vec<String> {
        let mut codes: Vec<String> = rings
            .into_iter()
            .flat_map(edges)
            .flat_map(|(a, b)| self.of_border(a, b))
            .map(|o| self.code(o.0))
            .collect();
        codes.sort();
        codes.dedup();
        codes.truncate(8);
        codes
    }

    /// Returns the ring of a cell.
    pub fn ring(&self, k: usize) -> &'a [Pt] {
        self.cells.get(k).map_or(&[], |c| c.area.ring.as_slice())
    }

    /// Returns the positions of the cells that contain a point by the border rule.
    pub fn holding(&self, p: Pt) -> Vec<usize> {
        let near = self.tiles.get(&(p.x >> TILE_SHIFT, p.y >> TILE_SHIFT));
        let holds_it = |k: &usize| holds(self.ring(*k), p);
        near.map(|cells| cells.iter().copied().filter(holds_it).collect())
            .unwrap_or_default()
    }
}
