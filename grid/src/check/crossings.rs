//! Borders that meet anywhere except in a common endpoint.

use std::collections::{BTreeMap, HashMap};

use super::finding::{Finding, FindingKind};
use super::owners::{Edge, Owners};
use crate::geom::{Pt, on_segment, orient, touch};

/// How the borders of two cells meet.
pub(super) struct Meeting {
    /// The lowest place at which they do.
    pub place: Pt,
    /// True if a border crosses to the other side, which no two neighbours may do.
    pub is_through: bool,
}

/// Pairs of borders that are compared at most: some seconds.
const MOST_PAIRS: usize = 2_000_000_000;

/// Finds the pairs of cells, by position, whose borders meet; a ring that meets itself is a finding.
pub(super) fn find(owners: &Owners<'_>, findings: &mut Vec<Finding>) -> BTreeMap<(usize, usize), Meeting> {
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
    let of_bucket = |n: usize| n.saturating_mul(n.saturating_sub(1)) / 2;
    let pairs = buckets
        .values()
        .map(|b| of_bucket(b.len()))
        .chain([long.len().saturating_mul(owners.borders.len())])
        .fold(0usize, usize::saturating_add);
    if pairs > MOST_PAIRS {
        findings.push(Finding {
            kind: FindingKind::TooComplex,
            codes: vec![],
            place: None,
            detail: format!(
                "{pairs} pairs of borders lie near each other, at most {MOST_PAIRS} are compared"
            ),
        });
        return BTreeMap::new();
    }
    let mut itself: BTreeMap<usize, Pt> = BTreeMap::new();
    let mut met: BTreeMap<(usize, usize), Meeting> = BTreeMap::new();
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
        // The order of a hash table is random; the lowest place makes the result deterministic.
        let place = e.0.min(f.0);
        if let Some(own) = of_e.iter().map(|o| o.0).find(|o| of_f.iter().any(|x| x.0 == *o)) {
            let known = itself.entry(own).or_insert(place);
            *known = place.min(*known);
            continue;
        }
        let is_through = is_through(*e, *f);
        for (i, j) in of_e.iter().flat_map(|x| of_f.iter().map(move |y| (x.0, y.0))) {
            let known = met.entry((i.min(j), i.max(j)));
            let known = known.or_insert(Meeting { place, is_through });
            known.place = known.place.min(place);
            known.is_through |= is_through;
        }
    }
    findings.extend(itself.into_iter().map(|(own, place)| Finding {
        kind: FindingKind::SelfIntersection,
        codes: vec![owners.code(own)],
        place: Some(place.into()),
        detail: "the ring crosses or touches itself".into(),
    }));
    met
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
