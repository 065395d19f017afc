//! What remains of directed borders when those that cancel are taken away, joined to loops.

use std::collections::BTreeMap;

use super::owners::Edge;
use crate::geom::{Pt, edges, orient};

/// Returns the sum of the directed borders of `plus` minus those of `minus`, each remaining edge with its
/// multiplicity.
pub(crate) fn left_over(plus: &[&[Pt]], minus: &[&[Pt]]) -> Vec<Edge> {
    let signed = |rings: &[&[Pt]], sign: i32| {
        rings
            .iter()
            .flat_map(|r| edges(r))
            .map(|(a, b)| if a < b { ((a, b), sign) } else { ((b, a), -sign) })
            .collect()
    };
    let mut all: Vec<(Edge, i32)> = signed(plus, 1);
    all.extend::<Vec<_>>(signed(minus, -1));
    all.sort_unstable();
    let mut out = Vec::new();
    for group in all.chunk_by(|a, b| a.0 == b.0) {
        let sum: i32 = group.iter().map(|g| g.1).sum();
        if let Some(&((a, b), _)) = group.first() {
            let edge = if sum > 0 { (a, b) } else { (b, a) };
            out.extend((0..sum.unsigned_abs()).map(|_| edge));
        }
    }
    out
}

/// Joins directed edges (as many enter every vertex as leave it) into closed loops. If several edges leave a vertex,
/// takes the one that keeps the exterior on the same side, so that a gap that touches the rim is not split.
pub(crate) fn loops(open: &[Edge]) -> Vec<Vec<Pt>> {
    let mut out_of: BTreeMap<Pt, Vec<Pt>> = BTreeMap::new();
    for &(a, b) in open {
        out_of.entry(a).or_default().push(b);
    }
    let mut found = Vec::new();
    let starts: Vec<Pt> = open.iter().map(|e| e.0).collect();
    for start in starts {
        if out_of.get(&start).is_none_or(Vec::is_empty) {
            continue;
        }
        let mut ring = Vec::new();
        let (mut from, mut at) = (None, start);
        while let Some(next) = out_of.get_mut(&at).and_then(|v| take_next(from, at, v)) {
            ring.push(at);
            (from, at) = (Some(at), next);
            if at == start {
                break;
            }
        }
        found.push(ring);
    }
    found
}

/// Removes and returns the first edge counter-clockwise from the reversed incoming edge.
fn take_next(from: Option<Pt>, at: Pt, leaving: &mut Vec<Pt>) -> Option<Pt> {
    let Some(back) = from else { return leaving.pop() };
    let half = |p: Pt| {
        let o = orient(at, back, p);
        let ahead = (i128::from(back.x) - i128::from(at.x)) * (i128::from(p.x) - i128::from(at.x))
            + (i128::from(back.y) - i128::from(at.y)) * (i128::from(p.y) - i128::from(at.y));
        // 0: left of the reversed incoming edge; 1: straight on or right of it; 2: that edge itself, taken last.
        if o == 0 && ahead > 0 { 2 } else { i32::from(o <= 0) }
    };
    let best = (0..leaving.len()).min_by(|&i, &j| {
        let (Some(&p), Some(&q)) = (leaving.get(i), leaving.get(j)) else {
            return std::cmp::Ordering::Equal;
        };
        half(p).cmp(&half(q)).then_with(|| 0.cmp(&orient(at, p, q)))
    })?;
    Some(leaving.swap_remove(best))
}
