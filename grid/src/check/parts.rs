//! Parts of a grid that touch nowhere but lie close together: the land between them belongs to no cell.
//!
//! Without an outline in the file such a gap is open at its ends and no loop encloses it. A file whose every cell was
//! shrunk consists of such parts alone.

use std::collections::{BTreeMap, HashMap};

use super::finding::{Finding, FindingKind};
use super::limits::CheckLimits;
use super::owners::{Edge, Owners};
use crate::geom::{LocalFrame, Pt, segment_to_segment};

/// Squares of 8,192 units: about 90 m from south to north.
const SHIFT: u32 = 13;

/// The nearest other part of a part.
struct Nearest {
    metres: f64,
    cells: (usize, usize),
    place: Pt,
}

/// Reports for each part its nearest other part, if it is nearer than the limit.
pub(super) fn check(owners: &Owners<'_>, rim: &[Edge], limits: &CheckLimits, findings: &mut Vec<Finding>) {
    let parts = parts(owners);
    let Some(&(origin, _)) = rim.first().filter(|_| parts.values().any(|p| *p != 0)) else {
        return;
    };
    let frame = LocalFrame::new(origin);
    let reach = frame.units(limits.gap_m);
    let borders: Vec<(Edge, usize, usize)> = rim
        .iter()
        .filter_map(|&(a, b)| {
            let owner = owners.of_border(a, b).first()?.0;
            Some(((a, b), owner, *parts.get(&owner)?))
        })
        .collect();
    let squares = |(a, b): Edge, (x, y): (i32, i32)| {
        let across = |p: i32, q: i32, more: i32| {
            (p.min(q).saturating_sub(more) >> SHIFT)..=(p.max(q).saturating_add(more) >> SHIFT)
        };
        let rows = across(a.y, b.y, y);
        across(a.x, b.x, x).flat_map(move |x| rows.clone().map(move |y| (x, y)))
    };
    let mut in_square: HashMap<(i32, i32), Vec<usize>> = HashMap::new();
    for (k, (edge, _, _)) in borders.iter().enumerate() {
        for square in squares(*edge, (0, 0)) {
            in_square.entry(square).or_default().push(k);
        }
    }
    let mut nearest: BTreeMap<usize, Nearest> = BTreeMap::new();
    for &((a, b), owner, part) in &borders {
        let (from, to) = (frame.metres(a), frame.metres(b));
        let others = squares((a, b), reach)
            .filter_map(|square| in_square.get(&square))
            .flatten();
        for &((c, d), other, _) in others.filter_map(|k| borders.get(*k)).filter(|o| o.2 != part) {
            let metres = segment_to_segment(from, to, frame.metres(c), frame.metres(d));
            let cells = (owner.min(other), owner.max(other));
            let is_nearer = nearest
                .get(&part)
                .is_none_or(|n| metres.total_cmp(&n.metres).then(cells.cmp(&n.cells)).is_lt());
            if metres > 0.0 && metres < limits.gap_m && is_nearer {
                let place = a;
                nearest.insert(part, Nearest { metres, cells, place });
            }
        }
    }
    let mut told: BTreeMap<(usize, usize), Nearest> = BTreeMap::new();
    for near in nearest.into_values() {
        told.entry(near.cells).or_insert(near);
    }
    findings.extend(told.into_values().map(|near| Finding {
        kind: FindingKind::Gap,
        codes: vec![owners.code(near.cells.0), owners.code(near.cells.1)],
        place: Some(near.place.into()),
        detail: format!(
            "no border joins these parts of the grid; {:.2} m between them belong to no cell",
            near.metres
        ),
    }));
}

/// The part of each cell: cells with a common border are in one part. Parts are numbered from 0.
fn parts(owners: &Owners<'_>) -> HashMap<usize, usize> {
    let mut parent: HashMap<usize, usize> = HashMap::new();
    fn root(parent: &mut HashMap<usize, usize>, k: usize) -> usize {
        let mut at = k;
        while let Some(&up) = parent.get(&at).filter(|up| **up != at) {
            let above = parent.get(&up).copied().unwrap_or(up);
            parent.insert(at, above);
            at = above;
        }
        parent.entry(at).or_insert(at);
        at
    }
    for (_, who) in &owners.borders {
        let mut roots = who.iter().map(|o| o.0);
        let Some(first) = roots.next() else { continue };
        let first = root(&mut parent, first);
        for other in roots {
            let other = root(&mut parent, other);
            parent.insert(other, first);
        }
    }
    let mut all: Vec<usize> = parent.keys().copied().collect();
    all.sort_unstable();
    let mut numbers: HashMap<usize, usize> = HashMap::new();
    let mut out = HashMap::new();
    for k in all {
        let top = root(&mut parent, k);
        let next = numbers.len();
        out.insert(k, *numbers.entry(top).or_insert(next));
    }
    out
}
