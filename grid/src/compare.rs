//! Compares a grid with the one that it replaces: cells and land lost, distance moved. Figures for people, on the
//! ellipsoid; the operator decides.

use std::collections::BTreeMap;

use geo::line_measures::Distance;
use geo::{Geodesic, Point};
use protocol::codes::CellCode;
use protocol::geo::PointE7;

use crate::check::figures;
use crate::check::left_over::{left_over, loops};
use crate::geom::Pt;
use crate::pack::Pack;

/// What changes if one grid replaces another.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Comparison {
    /// Cells before and after.
    pub cells_before: usize,
    /// Cells of the new grid.
    pub cells_after: usize,
    /// Codes that exist in both.
    pub kept: usize,
    /// Codes that the new grid has no more; the first of them in `lost_codes`.
    pub lost: usize,
    /// At most 20 of the lost codes, in order.
    pub lost_codes: Vec<String>,
    /// Codes that only the new grid has.
    pub added: usize,
    /// Square metres of land before and after.
    pub before_m2: f64,
    /// Land of the new grid.
    pub after_m2: f64,
    /// Square metres that the old grid covers and the new one does not.
    pub lost_m2: f64,
    /// Square metres that only the new grid covers.
    pub gained_m2: f64,
    /// Cells of the same code whose centre moved by more than a metre.
    pub moved: usize,
    /// The largest of these distances in metres, and its cell.
    pub largest_move_m: f64,
    /// The cell that moved furthest.
    pub moved_furthest: Option<String>,
    /// The median distance in metres over all kept cells.
    pub median_move_m: f64,
}

/// The differences that a person has to confirm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareLimits {
    /// Cells that may vanish.
    pub lost_cells: usize,
    /// Share of the land before that may be without a cell afterwards, 0 to 1.
    pub lost_land: f64,
    /// Distance in metres by which a cell may move: less than a cell is wide, and than any confusion of datums.
    pub move_m: f64,
}

impl Default for CompareLimits {
    fn default() -> Self {
        Self {
            lost_cells: 0,
            lost_land: 0.001,
            move_m: 50.0,
        }
    }
}

impl Comparison {
    /// Compares two grids of a county.
    pub fn of(before: Pack<'_>, after: Pack<'_>) -> Self {
        let centres = |pack: Pack<'_>| -> BTreeMap<CellCode, PointE7> {
            pack.cells().map(|c| (c.code, c.centroid())).collect()
        };
        let (old, new) = (centres(before), centres(after));
        let lost: Vec<CellCode> = old.keys().filter(|c| !new.contains_key(c)).copied().collect();
        let mut moves: Vec<(f64, CellCode)> = old
            .iter()
            .filter_map(|(code, was)| Some((metres(*was, *new.get(code)?), *code)))
            .collect();
        moves.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let furthest = moves.last().copied().filter(|m| m.0 > 0.0);
        let (was, is) = (rim(before), rim(after));
        let sum = |regions: Vec<figures::MeasuredRegion>| regions.iter().map(|r| r.m2).sum::<f64>();
        let (before_m2, after_m2) = (sum(figures::above(&was, &[])), sum(figures::above(&is, &[])));
        Self {
            cells_before: old.len(),
            cells_after: new.len(),
            kept: moves.len(),
            lost: lost.len(),
            lost_codes: lost.iter().take(20).map(ToString::to_string).collect(),
            added: new.keys().filter(|c| !old.contains_key(c)).count(),
            before_m2,
            after_m2,
            // The overlay is less precise where the grids lie far apart; no more can be lost than there was.
            lost_m2: sum(figures::above(&was, &slices(&is))).min(before_m2),
            gained_m2: sum(figures::above(&is, &slices(&was))).min(after_m2),
            moved: moves.iter().filter(|m| m.0 > 1.0).count(),
            largest_move_m: furthest.map_or(0.0, |m| m.0),
            moved_furthest: furthest.map(|m| m.1.to_string()),
            median_move_m: moves.get(moves.len() / 2).map_or(0.0, |m| m.0),
        }
    }

    /// Returns true if nothing in it has to be confirmed.
    pub fn is_within(&self, limits: &CompareLimits) -> bool {
        self.lost <= limits.lost_cells
            && self.lost_m2 <= self.before_m2 * limits.lost_land
            && self.largest_move_m <= limits.move_m
    }
}

/// Distance of two points on the ellipsoid, in metres.
fn metres(a: PointE7, b: PointE7) -> f64 {
    let point = |p: PointE7| {
        let (lat, lon) = p.degrees();
        Point::new(lon, lat)
    };
    Geodesic.distance(point(a), point(b))
}

/// The borders of a grid that no two cells share, as directed loops.
pub(crate) fn rim(pack: Pack<'_>) -> Vec<Vec<Pt>> {
    let rings: Vec<Vec<Pt>> = pack.cells().map(|c| c.ring().map(Pt::from).collect()).collect();
    loops(&left_over(&slices(&rings), &[]))
}

pub(crate) fn slices(rings: &[Vec<Pt>]) -> Vec<&[Pt]> {
    rings.iter().map(Vec::as_slice).collect()
}
