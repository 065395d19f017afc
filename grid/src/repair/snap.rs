//! Vertices of different areas that are closer than the tolerance become one vertex.

use std::collections::{BTreeMap, HashMap};

use super::near::{NearPoints, widened};
use super::repaired::Repaired;
use super::unmatched;
use crate::geom::{LocalFrame, Pt};
use crate::loose::LooseArea;

/// Joins near vertices of borders that do not match. In ascending order, each vertex is moved onto the nearest earlier
/// one within the tolerance that stayed where it is; so a chain of near vertices does not collapse into one.
pub(super) fn snap(areas: &mut [LooseArea], frame: &LocalFrame, tolerance_m: f64, done: &mut Repaired) {
    let unmatched = unmatched::find(areas).vertices;
    // The one area that a vertex belongs to; `None` if there are several. Two vertices of the same area alone are its
    // own shape and stay apart.
    let mut owners: HashMap<Pt, Option<usize>> = unmatched.iter().map(|p| (*p, Some(usize::MAX))).collect();
    for (k, loose) in areas.iter().enumerate() {
        for p in &loose.area.ring {
            if let Some(owner) = owners.get_mut(p) {
                *owner = match *owner {
                    Some(usize::MAX) => Some(k),
                    Some(other) if other == k => Some(k),
                    _ => None,
                };
            }
        }
    }
    let reach = frame.units(tolerance_m);
    let near = NearPoints::of(unmatched.iter().copied().collect());
    let mut moved: BTreeMap<Pt, Pt> = BTreeMap::new();
    for &p in &unmatched {
        let own = owners.get(&p).copied().flatten();
        let distance = |q: &Pt| frame.metres(p).distance(frame.metres(*q));
        let target = near
            .within(&widened(p, p, reach))
            .into_iter()
            .filter(|q| *q < p && !moved.contains_key(q))
            .filter(|q| own.is_none() || owners.get(q).copied().flatten() != own)
            .map(|q| (distance(&q), q))
            .filter(|(d, _)| *d <= tolerance_m)
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        if let Some((metres, q)) = target {
            done.largest_move_m = done.largest_move_m.max(metres);
            moved.insert(p, q);
        }
    }
    done.snapped += moved.len();
    if moved.is_empty() {
        return;
    }
    for p in areas.iter_mut().flat_map(|a| &mut a.area.ring) {
        if let Some(to) = moved.get(p) {
            *p = *to;
        }
    }
}
