//! Repairs outlines: rings with repeated points, spikes and pinches become simple rings that share every vertex with
//! their neighbours. All districts are repaired together, so that each can be cut separately later.

#![expect(
    clippy::indexing_slicing,
    reason = "ring arithmetic: every index is below the length or taken modulo it"
)]

use std::collections::{HashMap, HashSet};

use protocol::codes::CountyCode;

use super::error::CutError;
use crate::geom::{LocalFrame, Metres, Pt, area2};

/// An outline as read, in WGS-84.
#[derive(Clone, Debug)]
pub struct RawOutline {
    /// The district.
    pub code: CountyCode,
    /// Its parts.
    pub parts: Vec<Vec<Pt>>,
}

/// A repaired outline: one simple ring, counter-clockwise, no edge longer than about 25 m.
#[derive(Clone, Debug)]
pub struct DistrictOutline {
    /// The district.
    pub code: CountyCode,
    /// The ring.
    pub ring: Vec<Pt>,
    /// Square metres of the loops that were dropped (enclaves, islets).
    pub given_up_m2: f64,
}

/// Distance in metres up to which an outline vertex counts as lying on an edge.
const ON_EDGE_M: f64 = 5.0;
/// Sine of the angle below which two successive edges form a needle (about 7 degrees).
const NEEDLE_SINE: f64 = 0.12;
const ZERO: Metres = Metres { x: 0.0, y: 0.0 };

/// Repairs all outlines at once. `step_m` is the maximum length of an edge in metres; a dropped loop of more than
/// `max_loss_m2` is an error.
pub fn repair(raw: &[RawOutline], step_m: f64, max_loss_m2: f64) -> Result<Vec<DistrictOutline>, CutError> {
    let near = NearVertices::of(raw);
    raw.iter()
        .map(|r| repair_one(r, &near, step_m, max_loss_m2))
        .collect()
}

fn repair_one(
    raw: &RawOutline,
    near: &NearVertices,
    step_m: f64,
    max_loss_m2: f64,
) -> Result<DistrictOutline, CutError> {
    let mut found: Vec<Vec<Pt>> = raw
        .parts
        .iter()
        .flat_map(|part| simple_loops(&without_spikes(&near.with_vertices_on_edges(part))))
        .collect();
    found.sort_by_key(|l| std::cmp::Reverse(area2(l).abs()));
    let nothing = || CutError::Outline(raw.code.to_string(), "encloses nothing".into());
    let mut found = found.into_iter();
    let mut main = found.next().ok_or_else(nothing)?;
    let frame = LocalFrame::new(*main.first().ok_or_else(nothing)?);
    let mut given_up_m2 = 0.0;
    for l in found {
        let size = frame.square_metres(area2(&l)).abs();
        if size > max_loss_m2 {
            return Err(CutError::Outline(
                raw.code.to_string(),
                format!("a part of {size:.0} m2 would be lost"),
            ));
        }
        given_up_m2 += size;
    }
    if area2(&main) < 0 {
        main.reverse();
    }
    let mut main = without_needles(main);
    // A fixed start vertex makes the result independent of the source's start vertex.
    let least = (0..main.len()).min_by_key(|&i| main[i]).ok_or_else(nothing)?;
    main.rotate_left(least);
    Ok(DistrictOutline {
        code: raw.code,
        ring: densified(&main, step_m),
        given_up_m2,
    })
}

/// All outline vertices, by buckets of about 0.026 degree.
struct NearVertices(HashMap<(i32, i32), Vec<Pt>>);

const BUCKET_SHIFT: u32 = 18;
/// Wider than `ON_EDGE_M` in either direction.
const MARGIN: i32 = 1_000;

impl NearVertices {
    fn of(raw: &[RawOutline]) -> Self {
        let all: HashSet<Pt> = raw
            .iter()
            .flat_map(|r| r.parts.iter().flatten().copied())
            .collect();
        let mut buckets: HashMap<(i32, i32), Vec<Pt>> = HashMap::new();
        for p in all {
            buckets
                .entry((p.x >> BUCKET_SHIFT, p.y >> BUCKET_SHIFT))
                .or_default()
                .push(p);
        }
        Self(buckets)
    }

    /// Returns the walk with every outline vertex inserted that lies on one of its edges: closes T-junctions and hair
    /// gaps.
    fn with_vertices_on_edges(&self, part: &[Pt]) -> Vec<Pt> {
        let mut walk = Vec::new();
        for (a, b) in crate::geom::edges(part) {
            walk.push(a);
            if a == b {
                continue;
            }
            let span =
                |p: i32, q: i32| (p.min(q) - MARGIN) >> BUCKET_SHIFT..=(p.max(q) + MARGIN) >> BUCKET_SHIFT;
            let mut on: Vec<Pt> = span(a.x, b.x)
                .flat_map(|x| span(a.y, b.y).map(move |y| (x, y)))
                .filter_map(|key| self.0.get(&key))
                .flatten()
                .copied()
                .filter(|&p| p != a && p != b && is_on_edge(a, b, p))
                .collect();
            on.sort_by_key(|p| (i64::from(p.x.abs_diff(a.x)) + i64::from(p.y.abs_diff(a.y)), *p));
            walk.extend(on);
        }
        walk
    }
}

/// Returns true if `p` is beside the open segment, within [`ON_EDGE_M`]; the order of the endpoints does not matter.
fn is_on_edge(a: Pt, b: Pt, p: Pt) -> bool {
    let (low, high) = (a.min(b), a.max(b));
    let frame = LocalFrame::new(low);
    let (q, d) = (frame.metres(p), frame.metres(high));
    let t = q.dot(d) / d.dot(d);
    t > 0.0 && t < 1.0 && d.cross(q).abs() <= ON_EDGE_M * d.length()
}

/// Removes repeated points and edges that go out and straight back, also across the start of the ring.
fn without_spikes(ring: &[Pt]) -> Vec<Pt> {
    let mut s: Vec<Pt> = Vec::new();
    for &p in ring {
        s.push(p);
        loop {
            let n = s.len();
            if n > 1 && s[n - 1] == s[n - 2] {
                s.pop();
            } else if n > 2 && s[n - 3] == s[n - 1] {
                s.truncate(n - 2);
            } else {
                break;
            }
        }
    }
    loop {
        let n = s.len();
        if (n > 1 && s[0] == s[n - 1]) || (n > 2 && s[n - 2] == s[0]) {
            s.pop();
        } else if n > 2 && s[n - 1] == s[1] {
            s.remove(0);
        } else {
            return s;
        }
    }
}

/// Splits a closed walk at every vertex that it visits again.
fn simple_loops(walk: &[Pt]) -> Vec<Vec<Pt>> {
    let (mut out, mut open, mut at) = (Vec::new(), Vec::<Pt>::new(), HashMap::new());
    for &p in walk {
        if let Some(&k) = at.get(&p) {
            let closed: Vec<Pt> = open[k..].to_vec();
            for q in &closed[1..] {
                at.remove(q);
            }
            open.truncate(k + 1);
            out.push(closed);
        } else {
            at.insert(p, open.len());
            open.push(p);
        }
    }
    out.push(open);
    out.retain(|l| l.len() > 2 && area2(l) != 0);
    out
}

/// Removes the tips of needles, all at once: neighbours traverse a border in opposite directions, and removing the
/// tips one after another would give different results for the two.
fn without_needles(mut ring: Vec<Pt>) -> Vec<Pt> {
    loop {
        let n = ring.len();
        let is_needle = |i: usize| {
            let frame = LocalFrame::new(ring[i]);
            let (u, v) = (
                frame.metres(ring[(i + n - 1) % n]),
                frame.metres(ring[(i + 1) % n]),
            );
            u.dot(v) > 0.0 && u.cross(v).abs() <= NEEDLE_SINE * u.distance(ZERO) * v.distance(ZERO)
        };
        let kept: Vec<Pt> = (0..n).filter(|&i| !is_needle(i)).map(|i| ring[i]).collect();
        if kept.len() == n {
            return ring;
        }
        ring = kept;
    }
}

/// Divides every edge starting at its lower endpoint, so that both districts at a border get the same vertices.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an edge on the globe has fewer than 2^31 steps"
)]
fn densified(ring: &[Pt], step_m: f64) -> Vec<Pt> {
    let mut out = Vec::new();
    for (a, b) in crate::geom::edges(ring) {
        let (low, high) = (a.min(b), a.max(b));
        let n = ((LocalFrame::new(low).metres(high).length() / step_m) as i64).max(1);
        let between = |l: i32, h: i32, k: i64| {
            let d = i64::from(h) - i64::from(l);
            l + ((2 * d * k + n).div_euclid(2 * n)) as i32
        };
        let mut middle: Vec<Pt> = (1..n)
            .map(|k| Pt::new(between(low.x, high.x, k), between(low.y, high.y, k)))
            .collect();
        if a != low {
            middle.reverse();
        }
        out.push(a);
        out.extend(middle);
    }
    out
}
