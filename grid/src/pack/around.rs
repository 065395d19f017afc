//! Queries around a point: the cells that an accuracy circle covers, and the nearest cell when none contains the
//! point.

use protocol::codes::CellCode;
use protocol::geo::PointE7;

use super::circle::{CircleSamples, Hits};
use super::read::Pack;
use super::units::Cell;
use crate::geom::{Bounds, LocalFrame, Metres, Pt, point_to_segment};

/// A cell that an accuracy circle covers in part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellCandidate {
    /// The cell.
    pub cell: CellCode,
    /// Share of the circle in the cell, above 0 and at most 1.
    pub share: f64,
}

/// The cells under an accuracy circle; the shares and `outside` add up to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidates {
    /// Ranked: greatest share first; among equal shares the cell that contains the centre, then the lowest code.
    pub cells: Vec<CellCandidate>,
    /// Share of the circle outside every cell.
    pub outside: f64,
}

impl Pack<'_> {
    /// Returns the cells under the circle of `radius_m` metres around a WGS-84 point. It looks up a fixed pattern of
    /// sample points exactly, so the result is the same on every machine. A radius that is not above zero (or not a
    /// number) means the point alone.
    pub fn candidates(&self, point: PointE7, radius_m: f64) -> Candidates {
        let centre = self.find(point);
        if radius_m.is_nan() || radius_m <= 0.0 {
            return self.ranked(Hits::of(centre), centre);
        }
        let samples = CircleSamples::around(Pt::from(point), radius_m);
        let hits = self.hits_by_bucket(&samples).unwrap_or_else(|| {
            let mut hits = Hits::default();
            samples.points().for_each(|p| hits.add(self.find(p), 1));
            hits
        });
        self.ranked(hits, centre)
    }

    fn ranked(&self, hits: Hits, centre: Option<super::record::CellHandle>) -> Candidates {
        let Hits { mut cells, outside } = hits;
        let all: u32 = cells.iter().map(|(_, n)| n).sum::<u32>() + outside;
        let share = |n: u32| f64::from(n) / f64::from(all.max(1));
        cells.sort_by_key(|&(h, n)| (std::cmp::Reverse(n), Some(h) != centre, h));
        Candidates {
            cells: cells
                .into_iter()
                .filter_map(|(h, n)| {
                    Some(CellCandidate {
                        cell: self.code(h)?,
                        share: share(n),
                    })
                })
                .collect(),
            outside: share(outside),
        }
    }

    /// Returns the nearest cell and the distance to its border in metres; 0 for a cell that contains the point. Among
    /// equally near cells the lowest code. `None` only when the pack is empty. Error below 0.5 % within 100 km.
    pub fn nearest(&self, point: PointE7) -> Option<(CellCode, f64)> {
        if let Some(cell) = self.cell_at(point) {
            return Some((cell, 0.0));
        }
        self.nearest_cells(point, 1).first().copied()
    }

    /// Returns the distance in metres from a WGS-84 point to the border of a cell, 0 inside of it; `None` if the pack has
    /// no such cell. Error below 0.5 % within 100 km.
    pub fn metres_to(&self, cell: CellCode, point: PointE7) -> Option<f64> {
        let found = self.cell(cell)?;
        if self.cell_at(point) == Some(cell) {
            return Some(0.0);
        }
        Some(to_border(&found, &LocalFrame::new(Pt::from(point))))
    }

    /// Returns the `limit` nearest cells with the distance to their borders in metres, nearest first; 0 for the cell
    /// that contains the point. Among equally near cells the lowest code. Error below 0.5 % within 100 km.
    pub fn nearest_cells(&self, point: PointE7, limit: usize) -> Vec<(CellCode, f64)> {
        let frame = LocalFrame::new(Pt::from(point));
        let inside = self.cell_at(point);
        let to_box = |b: Bounds| {
            let (low, high) = (frame.metres(b.min), frame.metres(b.max));
            Metres {
                x: low.x.max(0.0) + (-high.x).max(0.0),
                y: low.y.max(0.0) + (-high.y).max(0.0),
            }
            .length()
        };
        let mut order: Vec<(f64, usize)> = self
            .cells()
            .enumerate()
            .map(|(k, c)| (to_box(c.rough_bounds()), k))
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        // Ordered by distance, then code; never longer than `limit`.
        let mut best: Vec<(f64, CellCode)> = Vec::new();
        for (at_least, k) in order {
            let is_full = best.len() >= limit;
            if is_full && best.last().is_none_or(|(worst, _)| at_least > *worst) {
                break;
            }
            let Some(cell) = self.cell_in_place(k) else {
                continue;
            };
            let distance = if inside == Some(cell.code) {
                0.0
            } else {
                to_border(&cell, &frame)
            };
            let at = best.partition_point(|known| *known < (distance, cell.code));
            best.insert(at, (distance, cell.code));
            best.truncate(limit);
        }
        best.into_iter()
            .map(|(distance, code)| (code, distance))
            .collect()
    }
}

/// The distance in metres from the origin of the frame to the border of a cell.
fn to_border(cell: &Cell<'_>, frame: &LocalFrame) -> f64 {
    let here = Metres { x: 0.0, y: 0.0 };
    let ring = cell.points();
    let next = ring.clone().skip(1).chain(ring.clone().take(1));
    ring.zip(next)
        .map(|(a, b)| point_to_segment(here, frame.metres(a), frame.metres(b)))
        .fold(f64::INFINITY, f64::min)
}
