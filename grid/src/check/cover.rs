//! Checks coverage: no overlaps, no gaps, the same vertices on both sides of every border, children equal to their
//! parents.
//!
//! The directed borders of all cells are summed, and the outline is subtracted. On a tessellation everything cancels.
//! The remaining edges form closed loops: clockwise around a gap, counter-clockwise around an overlap, without area
//! where only the vertices differ. The method is exact, and every loop has a position. After that, no two borders may
//! meet except in a common endpoint.

use std::collections::{BTreeMap, HashMap};

use super::finding::{Finding, FindingKind};
use crate::geojson::LooseArea;
use crate::geom::{Bounds, Pt, area2, edges, holds, on_segment, orient, touch};
use crate::level::{Level, parent_code};

type Edge = (Pt, Pt);

pub(super) fn check(areas: &[LooseArea], findings: &mut Vec<Finding>) {
    let of = |level: Level| {
        areas
            .iter()
            .filter(move |a| a.area.level == level)
            .collect::<Vec<_>>()
    };
    let (counties, cells) = (of(Level::County), of(Level::Cell));
    let owners = Owners::of(&cells);
    let mut doubled = DoubledBorders::default();
    doubled.check(&owners, findings);
    crossings(&owners, findings);

    let outline: Vec<&[Pt]> = counties.iter().map(|c| c.area.ring.as_slice()).collect();
    let rings: Vec<&[Pt]> = cells.iter().map(|c| c.area.ring.as_slice()).collect();
    for ring in loops(&left_over(&rings, &outline)) {
        let area = area2(&ring);
        if area > 0 && outline.is_empty() && !is_covered_beside(&ring, &rings) {
            continue; // The rim of a file without an outline, or of one of its parts.
        }
        let (kind, detail) = match area.signum() {
            -1 => (
                FindingKind::Gap,
                format!("{} m2 belong to no cell", square_metres(&ring)),
            ),
            0 => (
                FindingKind::UnmatchedBorder,
                "the two sides of a border have different vertices".to_owned(),
            ),
            _ => (
                FindingKind::Overlap,
                format!("{} m2 are claimed twice or lie outside", square_metres(&ring)),
            ),
        };
        let codes = owners.around(&ring);
        findings.push(Finding {
            kind,
            codes,
            place: ring.first().map(|&p| p.into()),
            detail,
        });
    }
    for level in [Level::Street, Level::Community, Level::Cell] {
        parents(&of(level), &level.parent().map(&of).unwrap_or_default(), findings);
    }
}

fn square_metres(ring: &[Pt]) -> String {
    let m2 = crate::geom::area_m2(ring).abs();
    if m2 < 10.0 {
        format!("{m2:.4}")
    } else {
        format!("{m2:.0}")
    }
}

/// Compares the summed borders of each parent's children with the parent's border.
fn parents(children: &[&LooseArea], parents: &[&LooseArea], findings: &mut Vec<Finding>) {
    let mut by_parent: BTreeMap<&str, Vec<&[Pt]>> = BTreeMap::new();
    for child in children {
        if let Some(parent) = parent_code(&child.area.code) {
            by_parent.entry(parent).or_default().push(&child.area.ring);
        }
    }
    for parent in parents.iter().filter(|_| !children.is_empty()) {
        let own = by_parent.remove(parent.area.code.as_str()).unwrap_or_default();
        if let Some((at, _)) = left_over(&own, &[&parent.area.ring]).first() {
            findings.push(Finding {
                kind: FindingKind::ParentShape,
                codes: vec![parent.area.code.clone()],
                place: Some((*at).into()),
                detail: format!("its {} children do not make up the parent", own.len()),
            });
        }
    }
}

/// Returns the sum of the directed borders of `plus` minus those of `minus`, each remaining edge with its
/// multiplicity.
fn left_over(plus: &[&[Pt]], minus: &[&[Pt]]) -> Vec<Edge> {
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
fn loops(open: &[Edge]) -> Vec<Vec<Pt>> {
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

/// Returns true if a cell is just right of the loop's first edge of sufficient length: then the loop encloses an
/// overlap.
fn is_covered_beside(ring: &[Pt], cells: &[&[Pt]]) -> bool {
    let Some((a, b)) = edges(ring).max_by_key(|(a, b)| a.x.abs_diff(b.x).max(a.y.abs_diff(b.y))) else {
        return false;
    };
    let middle = |p: i32, q: i32| i32::midpoint(p, q);
    let beside = Pt::new(
        middle(a.x, b.x).saturating_add(3 * (b.y.saturating_sub(a.y)).signum()),
        middle(a.y, b.y).saturating_sub(3 * (b.x.saturating_sub(a.x)).signum()),
    );
    cells
        .iter()
        .any(|c| Bounds::of(c.iter().copied()).is_some_and(|o| o.contains(beside)) && holds(c, beside))
}

/// Every border (lower endpoint first) with the positions of its owners and whether each runs along it forwards.
struct Owners<'a> {
    cells: &'a [&'a LooseArea],
    borders: Vec<(Edge, Vec<(usize, bool)>)>,
}

impl<'a> Owners<'a> {
    fn of(cells: &'a [&'a LooseArea]) -> Self {
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
        Self { cells, borders }
    }

    fn code(&self, k: usize) -> String {
        self.cells.get(k).map(|c| c.area.code.clone()).unwrap_or_default()
    }

    fn of_border(&self, a: Pt, b: Pt) -> &[(usize, bool)] {
        let key = (a.min(b), a.max(b));
        let at = self.borders.binary_search_by_key(&key, |x| x.0).ok();
        at.and_then(|k| self.borders.get(k)).map_or(&[], |x| &x.1)
    }

    /// Returns the codes of the cells along a loop, at most eight.
    fn around(&self, ring: &[Pt]) -> Vec<String> {
        let mut codes: Vec<String> = edges(ring)
            .flat_map(|(a, b)| self.of_border(a, b))
            .map(|o| self.code(o.0))
            .collect();
        codes.sort();
        codes.dedup();
        codes.truncate(8);
        codes
    }
}

/// Borders that two cells traverse in the same direction: both are on the same side of the border.
#[derive(Default)]
struct DoubledBorders {
    told: BTreeMap<(usize, usize), ()>,
}

impl DoubledBorders {
    fn check(&mut self, owners: &Owners<'_>, findings: &mut Vec<Finding>) {
        for ((at, _), who) in &owners.borders {
            for forwards in [true, false] {
                let mut same = who.iter().filter(|o| o.1 == forwards).map(|o| o.0);
                let (Some(p), Some(q)) = (same.next(), same.next()) else {
                    continue;
                };
                if self.told.insert((p.min(q), p.max(q)), ()).is_none() {
                    findings.push(Finding {
                        kind: FindingKind::Overlap,
                        codes: vec![owners.code(p), owners.code(q)],
                        place: Some((*at).into()),
                        detail: "both lie on the same side of this border".into(),
                    });
                }
            }
        }
    }
}

/// Reports borders that meet anywhere except in a common endpoint; one finding for each pair of cells.
fn crossings(owners: &Owners<'_>, findings: &mut Vec<Finding>) {
    const BUCKET_SHIFT: u32 = 14;
    /// A border that would fill more buckets than this is compared with every other border instead; otherwise a
    /// vertex on the other side of the globe would exhaust memory.
    const MOST_BUCKETS: i64 = 4096;
    let at = |v: i32| v >> BUCKET_SHIFT;
    let across = |p: i32, q: i32| i64::from(at(p.max(q))) - i64::from(at(p.min(q))) + 1;
    let mut long = Vec::new();
    let mut buckets: HashMap<(i32, i32), Vec<usize>> = HashMap::new();
    for (k, ((a, b), _)) in owners.borders.iter().enumerate() {
        if across(a.x, b.x).saturating_mul(across(a.y, b.y)) > MOST_BUCKETS {
            long.push(k);
            continue;
        }
        for x in at(a.x.min(b.x))..=at(a.x.max(b.x)) {
            for y in at(a.y.min(b.y))..=at(a.y.max(b.y)) {
                buckets.entry((x, y)).or_default().push(k);
            }
        }
    }
    let mut told: BTreeMap<(usize, usize), Finding> = BTreeMap::new();
    let near = buckets.values().flat_map(|inside| {
        let pairs = |(n, p): (usize, &usize)| {
            let p = *p;
            inside.iter().take(n).map(move |q| (p, *q))
        };
        inside.iter().enumerate().flat_map(pairs)
    });
    let all = 0..owners.borders.len();
    let far = long.iter().flat_map(|p| {
        let others = all.clone().filter(move |q| q != p);
        others.map(move |q| (*p.max(&q), *p.min(&q)))
    });
    for (p, q) in near.chain(far) {
        let (Some((e, of_e)), Some((f, of_f))) = (owners.borders.get(p), owners.borders.get(q)) else {
            continue;
        };
        if !is_crossing(*e, *f) {
            continue;
        }
        let (Some(&(i, _)), Some(&(j, _))) = (of_e.first(), of_f.first()) else {
            continue;
        };
        let itself = of_e.iter().map(|o| o.0).find(|o| of_f.iter().any(|x| x.0 == *o));
        let key = itself.map_or((i.min(j), i.max(j)), |o| (o, o));
        let place = e.0.min(f.0);
        let (kind, codes, detail) = match itself {
            Some(o) => (
                FindingKind::SelfIntersection,
                vec![owners.code(o)],
                "the ring crosses or touches itself",
            ),
            None if is_through(*e, *f) => (
                FindingKind::Overlap,
                vec![owners.code(key.0), owners.code(key.1)],
                "their borders cross",
            ),
            None => {
                let both = vec![owners.code(key.0), owners.code(key.1)];
                (
                    FindingKind::UnmatchedBorder,
                    both,
                    "a vertex of one lies on a border of the other",
                )
            }
        };
        let finding = Finding {
            kind,
            codes,
            place: Some(place.into()),
            detail: detail.to_owned(),
        };
        let known = told.entry(key).or_insert_with(|| finding.clone());
        // Hash order is random; reporting the lowest position makes the result deterministic.
        if finding.place < known.place {
            *known = finding;
        }
    }
    findings.extend(told.into_values());
}

/// Returns true if the borders cross from one side to the other, which no two neighbours may do.
fn is_through((a, b): Edge, (c, d): Edge) -> bool {
    orient(a, b, c).signum() * orient(a, b, d).signum() < 0
        && orient(c, d, a).signum() * orient(c, d, b).signum() < 0
}

fn is_crossing((a, b): Edge, (c, d): Edge) -> bool {
    let apart = |p: i32, q: i32, r: i32, s: i32| p.max(q) < r.min(s) || r.max(s) < p.min(q);
    if apart(a.x, b.x, c.x, d.x) || apart(a.y, b.y, c.y, d.y) {
        return false;
    }
    // With a common endpoint, the borders must not overlap along their length.
    if a == c {
        on_segment(a, b, d) || on_segment(c, d, b)
    } else if b == d {
        on_segment(a, b, c) || on_segment(c, d, a)
    } else if a == d {
        on_segment(a, b, c) || on_segment(c, d, b)
    } else if b == c {
        on_segment(a, b, d) || on_segment(c, d, a)
    } else {
        touch(a, b, c, d)
    }
}
