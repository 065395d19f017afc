//! T-junctions: a vertex of one area on a border of another becomes a vertex of both.

use std::collections::{BTreeSet, HashMap};

use super::near::{NearPoints, widened};
use super::repaired::Repaired;
use super::unmatched;
use crate::geom::{LocalFrame, Pt, edges, on_segment, point_to_segment};
use crate::level::Level;
use crate::loose::LooseArea;

/// Adds the vertices and returns their number. The decision depends on the border alone, so both sides of a border get
/// the same vertices.
pub(super) fn insert(
    areas: &mut [LooseArea],
    frame: &LocalFrame,
    tolerance_m: f64,
    done: &mut Repaired,
) -> usize {
    let unmatched = unmatched::find(areas);
    if unmatched.vertices.is_empty() {
        return 0;
    }
    let mut every: BTreeSet<Pt> = unmatched.vertices.clone();
    if unmatched.is_above {
        let cells = areas.iter().filter(|a| a.area.level == Level::Cell);
        every.extend(cells.flat_map(|a| a.area.ring.iter().copied()));
    }
    let of_unmatched = NearPoints::of(unmatched.vertices.into_iter().collect());
    let of_every = NearPoints::of(every.into_iter().collect());
    let reach = frame.units(tolerance_m);
    let mut known: HashMap<(Pt, Pt), Vec<Pt>> = HashMap::new();
    let mut inserted = 0;
    // Cells first: a border that a larger area shares with a cell gets what the cell got.
    let (cells, above): (Vec<_>, Vec<_>) = areas.iter_mut().partition(|a| a.area.level == Level::Cell);
    for loose in cells.into_iter().chain(above) {
        let is_cell = loose.area.level == Level::Cell;
        let points = if is_cell { &of_unmatched } else { &of_every };
        let mut ring = Vec::with_capacity(loose.area.ring.len());
        for (a, b) in edges(&loose.area.ring) {
            ring.push(a);
            let near = points.within(&widened(a, b, reach));
            let (low, high) = (a.min(b), a.max(b));
            // Both ends of an unmatched border are among the points near it.
            if near.iter().all(|p| *p == a || *p == b) {
                if is_cell && unmatched.is_above {
                    known.entry((low, high)).or_default();
                }
                continue;
            }
            let on = known.entry((low, high)).or_insert_with(|| {
                let (on, off) = on_border(low, high, &near, frame, tolerance_m);
                done.largest_move_m = done.largest_move_m.max(off);
                on
            });
            inserted += on.len();
            if a < b {
                ring.extend(on.iter());
            } else {
                ring.extend(on.iter().rev());
            }
        }
        loose.area.ring = ring;
    }
    done.inserted += inserted;
    inserted
}

/// The points that lie on the border, in its order, and the largest distance from it in metres.
fn on_border(a: Pt, b: Pt, near: &[Pt], frame: &LocalFrame, tolerance_m: f64) -> (Vec<Pt>, f64) {
    let (start, end) = (frame.metres(a), frame.metres(b));
    let along = end.minus(start);
    let mut on: Vec<(f64, Pt)> = Vec::new();
    let mut off = 0.0f64;
    for &p in near {
        let place = frame.metres(p);
        let at = place.minus(start).dot(along) / along.dot(along).max(f64::MIN_POSITIVE);
        let distance = point_to_segment(place, start, end);
        let is_on = p != a && p != b && at > 0.0 && at < 1.0;
        if is_on && (on_segment(a, b, p) || distance <= tolerance_m) {
            off = off.max(distance);
            on.push((at, p));
        }
    }
    on.sort_by(|p, q| p.0.total_cmp(&q.0).then(p.1.cmp(&q.1)));
    (on.into_iter().map(|(_, p)| p).collect(), off)
}
