//! Checks coverage: no overlaps, no gaps, the same vertices on both sides of every border, children equal to their
//! parents.
//!
//! The directed borders of all cells are summed, and the outline is subtracted. On a tessellation everything cancels;
//! without an outline only the rim remains. No two borders may meet except in a common endpoint. This is exact and
//! decides. Where something remains, an overlay in floats ([`super::figures`]) tells gaps, overlaps and what lies
//! outside apart and measures them on the ellipsoid.

use std::collections::{BTreeMap, BTreeSet};

use super::crossings::{self, Meeting};
use super::figures::{self, MeasuredRegion, square_metres};
use super::finding::{Finding, FindingKind};
use super::left_over::{left_over, loops};
use super::limits::CheckLimits;
use super::owners::Owners;
use super::parts;
use crate::geom::{Pt, area2, edges};
use crate::level::{Level, parent_code};
use crate::loose::LooseArea;

pub(super) fn check(areas: &[LooseArea], limits: &CheckLimits, findings: &mut Vec<Finding>) {
    let of = |level: Level| {
        areas
            .iter()
            .filter(move |a| a.area.level == level)
            .collect::<Vec<_>>()
    };
    let (counties, cells) = (of(Level::County), of(Level::Cell));
    let owners = Owners::of(&cells);
    let mut pairs = crossings::find(&owners, findings);
    for (pair, place) in doubled_borders(&owners) {
        let known = pairs.entry(pair);
        known
            .or_insert(Meeting {
                place,
                is_through: true,
            })
            .is_through = true;
    }
    let outline: Vec<&[Pt]> = counties.iter().map(|c| c.area.ring.as_slice()).collect();
    let rings: Vec<&[Pt]> = cells.iter().map(|c| c.area.ring.as_slice()).collect();
    let rim = left_over(&rings, &[]);
    if outline.is_empty() {
        without_outline(&owners, &loops(&rim), pairs, limits, findings);
        parts::check(&owners, &rim, limits, findings);
    } else {
        with_outline(&owners, &rings, &outline, pairs, limits, findings);
    }
    for level in [Level::Street, Level::Community, Level::Cell] {
        parents(&of(level), &level.parent().map(&of).unwrap_or_default(), findings);
    }
}

/// Overlaps, holes that the cells enclose, and cells inside of other cells.
fn without_outline(
    owners: &Owners<'_>,
    rim: &[Vec<Pt>],
    mut pairs: BTreeMap<(usize, usize), Meeting>,
    limits: &CheckLimits,
    findings: &mut Vec<Finding>,
) {
    let inside: Vec<(usize, usize, Pt)> = rim
        .iter()
        .filter(|ring| area2(ring) > 0)
        .flat_map(|ring| covered_beside(owners, ring))
        .collect();
    for (p, q, place) in inside {
        pairs.entry((p, q)).or_insert(Meeting {
            place,
            is_through: true,
        });
    }
    let has_pairs = !pairs.is_empty();
    overlaps(owners, pairs, limits, findings);
    unmatched(owners, rim, findings);
    let is_enclosed = |ring: &Vec<Pt>| area2(ring) < 0;
    if rim.iter().any(is_enclosed) {
        let mut found = 0;
        for hole in figures::holes(rim) {
            found += 1;
            findings.push(gap(owners, &hole));
        }
        // Overlaps leave such loops too.
        if found == 0 && !has_pairs {
            for ring in rim.iter().filter(|r| is_enclosed(r)) {
                findings.push(plain(owners, FindingKind::Gap, ring));
            }
        }
    }
}

/// Overlaps, gaps inside of the outline, and cells outside of it.
fn with_outline(
    owners: &Owners<'_>,
    rings: &[&[Pt]],
    outline: &[&[Pt]],
    pairs: BTreeMap<(usize, usize), Meeting>,
    limits: &CheckLimits,
    findings: &mut Vec<Finding>,
) {
    let has_pairs = !pairs.is_empty();
    overlaps(owners, pairs, limits, findings);
    let rest = loops(&left_over(rings, outline));
    unmatched(owners, &rest, findings);
    if rest.iter().all(|ring| area2(ring) == 0) {
        return;
    }
    let before = findings.len();
    findings.extend(figures::below(&rest).iter().map(|region| gap(owners, region)));
    let rim = loops(&left_over(rings, &[]));
    for region in figures::above(&rim, outline) {
        findings.push(of_region(
            owners,
            FindingKind::Outside,
            &region,
            "lie outside the outline",
        ));
    }
    let inside = figures::above(&rest, &[]);
    if findings.len() > before || has_pairs {
        return;
    }
    // A cell inside of another one: their borders do not meet.
    for region in &inside {
        let around: BTreeSet<usize> =
            region
                .rings
                .iter()
                .flat_map(|r| edges(r))
                .fold(BTreeSet::new(), |mut set, (a, b)| {
                    set.extend(owners.of_border(a, b).iter().map(|o| o.0));
                    set.extend(owners.holding(a));
                    set
                });
        let mut found = of_region(owners, FindingKind::Overlap, region, "are claimed more than once");
        found.codes = around.into_iter().take(8).map(|k| owners.code(k)).collect();
        findings.push(found);
    }
    if inside.is_empty() {
        for ring in rest.iter().filter(|r| area2(r) != 0) {
            let kind = if area2(ring) < 0 {
                FindingKind::Gap
            } else {
                FindingKind::Overlap
            };
            findings.push(plain(owners, kind, ring));
        }
    }
}

/// One finding for each pair of cells whose borders meet: an overlap with its area, or a vertex of one on a border of
/// the other.
fn overlaps(
    owners: &Owners<'_>,
    pairs: BTreeMap<(usize, usize), Meeting>,
    limits: &CheckLimits,
    findings: &mut Vec<Finding>,
) {
    // Measuring takes a hundred times longer than finding, and nobody reads more than the listed ones.
    let measured = limits.listed.saturating_mul(4).max(100);
    for (n, ((p, q), meeting)) in pairs.into_iter().enumerate() {
        let m2 = if n < measured {
            let regions = figures::both(owners.ring(p), owners.ring(q));
            Some(regions.iter().map(|r| r.m2).sum::<f64>())
        } else {
            None
        };
        let (kind, detail) = match m2 {
            Some(m2) if m2 > 0.0 => (
                FindingKind::Overlap,
                format!("{} are claimed by both", square_metres(m2)),
            ),
            _ if meeting.is_through => (FindingKind::Overlap, "their borders cross".into()),
            _ => (
                FindingKind::UnmatchedBorder,
                "a vertex of one lies on a border of the other".into(),
            ),
        };
        findings.push(Finding {
            kind,
            codes: vec![owners.code(p), owners.code(q)],
            place: Some(meeting.place.into()),
            detail,
        });
    }
}

/// Loops without area: only the vertices of the two sides differ.
fn unmatched(owners: &Owners<'_>, rings: &[Vec<Pt>], findings: &mut Vec<Finding>) {
    for ring in rings.iter().filter(|r| area2(r) == 0) {
        let mut found = plain(owners, FindingKind::UnmatchedBorder, ring);
        found.detail = "the two sides of a border have different vertices".into();
        findings.push(found);
    }
}

fn gap(owners: &Owners<'_>, region: &MeasuredRegion) -> Finding {
    let mut found = of_region(owners, FindingKind::Gap, region, "belong to no cell");
    found
        .detail
        .push_str(&format!(", about {:.2} m wide", region.width_m));
    found
}

fn of_region(owners: &Owners<'_>, kind: FindingKind, region: &MeasuredRegion, what: &str) -> Finding {
    Finding {
        kind,
        codes: owners.around(region.rings.iter().map(Vec::as_slice)),
        place: region.rings.first().and_then(|r| r.first()).map(|&p| p.into()),
        detail: format!("{} {what}", square_metres(region.m2)),
    }
}

/// A finding about a loop that the overlay did not confirm, because it is smaller than its precision.
fn plain(owners: &Owners<'_>, kind: FindingKind, ring: &[Pt]) -> Finding {
    Finding {
        kind,
        codes: owners.around([ring]),
        place: ring.first().map(|&p| p.into()),
        detail: format!("about {}", square_metres(figures::area(ring))),
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

/// The cells just right of a loop's longest edge, each with the cell that owns the edge: then the loop encloses an
/// overlap and is not a rim.
fn covered_beside(owners: &Owners<'_>, ring: &[Pt]) -> Vec<(usize, usize, Pt)> {
    let Some((a, b)) = edges(ring).max_by_key(|(a, b)| a.x.abs_diff(b.x).max(a.y.abs_diff(b.y))) else {
        return Vec::new();
    };
    let middle = |p: i32, q: i32| i32::midpoint(p, q);
    let beside = Pt::new(
        middle(a.x, b.x).saturating_add(3 * (b.y.saturating_sub(a.y)).signum()),
        middle(a.y, b.y).saturating_sub(3 * (b.x.saturating_sub(a.x)).signum()),
    );
    let own = owners.of_border(a, b).first().map(|o| o.0);
    let other = |k: usize| own.filter(|o| *o != k).map(|o| (o.min(k), o.max(k), a));
    owners.holding(beside).into_iter().filter_map(other).collect()
}

/// Pairs of cells that traverse a border in the same direction: both are on the same side of it.
fn doubled_borders(owners: &Owners<'_>) -> BTreeMap<(usize, usize), Pt> {
    let mut found = BTreeMap::new();
    for ((at, _), who) in &owners.borders {
        for forwards in [true, false] {
            let mut same = who.iter().filter(|o| o.1 == forwards).map(|o| o.0);
            if let (Some(p), Some(q)) = (same.next(), same.next()) {
                found.entry((p.min(q), p.max(q))).or_insert(*at);
            }
        }
    }
    found
}
