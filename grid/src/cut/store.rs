//! The shared store of vertices, and the single operation that cuts a ring: a valid chain between two of its
//! vertices.

#![expect(
    clippy::indexing_slicing,
    reason = "ring arithmetic: every index is below the length or taken modulo it"
)]

use crate::geom::{LocalFrame, Metres, Pt, area2, orient, point_to_segment, segment_to_segment};

/// A ring as positions in the store, counter-clockwise.
pub(super) type Ring = Vec<usize>;

/// Every vertex of a district. Two rings that share a border contain the same positions.
pub(super) struct VertexStore {
    points: Vec<Pt>,
    metres: Vec<Metres>,
    /// Number of chains that end at the vertex.
    ends: Vec<u32>,
    frame: LocalFrame,
}

/// Minimum distances of a chain from other borders.
#[derive(Clone, Copy)]
pub(super) struct Clearance {
    /// Metres to every other border, except near the chain's own ends. Hundreds of times larger than the rounding
    /// error of a vertex, so that no chain crosses a border and no sliver appears.
    pub metres: f64,
    /// Minimum sine of the angle between the chain and a border at its ends.
    pub sine: f64,
}

impl VertexStore {
    pub(super) fn new(outline: &[Pt]) -> (Self, Ring) {
        let n = i64::try_from(outline.len()).unwrap_or(i64::MAX).max(1);
        let mean =
            |of: fn(&Pt) -> i32| i32::try_from(outline.iter().map(|p| i64::from(of(p))).sum::<i64>() / n);
        let origin = Pt::new(
            mean(|p| p.x).unwrap_or_default(),
            mean(|p| p.y).unwrap_or_default(),
        );
        let mut store = Self {
            points: vec![],
            metres: vec![],
            ends: vec![],
            frame: LocalFrame::new(origin),
        };
        let ring = outline.iter().map(|&p| store.add(p)).collect();
        (store, ring)
    }

    fn add(&mut self, p: Pt) -> usize {
        self.points.push(p);
        self.metres.push(self.frame.metres(p));
        self.ends.push(0);
        self.points.len() - 1
    }

    pub(super) fn place(&self, p: Pt) -> Metres {
        self.frame.metres(p)
    }

    pub(super) fn point(&self, m: Metres) -> Pt {
        self.frame.point(m)
    }

    pub(super) fn vertex(&self, v: usize) -> Pt {
        self.points[v]
    }

    pub(super) fn metres(&self, v: usize) -> Metres {
        self.metres[v]
    }

    pub(super) fn is_chain_end(&self, v: usize) -> bool {
        self.ends[v] > 0
    }

    pub(super) fn points(&self, ring: &[usize]) -> Vec<Pt> {
        ring.iter().map(|&v| self.points[v]).collect()
    }

    pub(super) fn places(&self, ring: &[usize]) -> Vec<Metres> {
        ring.iter().map(|&v| self.metres[v]).collect()
    }

    pub(super) fn area_m2(&self, ring: &[usize]) -> f64 {
        self.frame.square_metres(area2(&self.points(ring)))
    }

    pub(super) fn centroid(&self, ring: &[usize]) -> Metres {
        let places = self.places(ring);
        let [a, x, y] = Sums::new(&places).whole();
        Metres { x: x / a, y: y / a }
    }

    /// Cuts the ring along a chain from `ring[i]` to `ring[j]`. Returns the part with the ring's vertices from `i` to
    /// `j` and the part from `j` to `i`. The chain must be valid.
    pub(super) fn apply(&mut self, ring: &[usize], i: usize, j: usize, chain: &[Pt]) -> (Ring, Ring) {
        let inner: Vec<usize> = chain[1..chain.len() - 1].iter().map(|&p| self.add(p)).collect();
        for k in [i, j] {
            self.ends[ring[k]] += 1;
        }
        let n = ring.len();
        let walk = |a: usize, b: usize| (0..=(b + n - a) % n).map(move |k| ring[(a + k) % n]);
        let first = walk(i, j).chain(inner.iter().rev().copied()).collect();
        let second = walk(j, i).chain(inner.iter().copied()).collect();
        (first, second)
    }

    /// Returns true if the chain (whose ends are `ring[i]` and `ring[j]`) runs inside the ring and keeps its
    /// clearance.
    pub(super) fn is_lawful(
        &self,
        ring: &[usize],
        i: usize,
        j: usize,
        chain: &[Pt],
        clear: Clearance,
    ) -> bool {
        let last = chain.len() - 1;
        if !self.leaves_well(ring, i, chain[1], clear.sine)
            || !self.leaves_well(ring, j, chain[last - 1], clear.sine)
        {
            return false;
        }
        let (n, delta) = (ring.len(), clear.metres);
        let places: Vec<Metres> = chain.iter().map(|&p| self.frame.metres(p)).collect();
        let all = Extent::of(&places);
        // Pieces of the chain with their own bounding boxes, so that long chains remain cheap.
        let pieces: Vec<(usize, usize, Extent)> = (0..last)
            .step_by(16)
            .map(|start| (start, (start + 16).min(last)))
            .map(|(start, end)| (start, end, Extent::of(&places[start..=end])))
            .collect();
        for k in 0..n {
            let l = (k + 1) % n;
            let (u, v) = (self.metres[ring[k]], self.metres[ring[l]]);
            if all.is_far_from(u, v, delta) {
                continue;
            }
            let (is_at_i, is_at_j) = (k == i || l == i, k == j || l == j);
            // Near its ends the chain gets a smaller clearance; otherwise a coarse chain could never start at a
            // border with dense vertices.
            let from_ends = point_to_segment(places[0], u, v).min(point_to_segment(places[last], u, v));
            let wanted = delta.min(0.35 * from_ends);
            for (start, end, extent) in &pieces {
                if extent.is_far_from(u, v, delta) {
                    continue;
                }
                for t in *start..*end {
                    if (t == 0 && is_at_i) || (t == last - 1 && is_at_j) {
                        continue; // The angle test above covers the borders at the ends.
                    }
                    let needed = if is_at_i || is_at_j {
                        let own_end = if is_at_i { places[0] } else { places[last] };
                        (delta * 0.5).min(0.35 * point_to_segment(own_end, places[t], places[t + 1]))
                    } else {
                        wanted
                    };
                    let d = segment_to_segment(u, v, places[t], places[t + 1]);
                    if d < needed || d <= 0.05 {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Returns true if the direction from `ring[k]` to `q` points into the ring (exact) and makes a large enough
    /// angle with both borders there.
    fn leaves_well(&self, ring: &[usize], k: usize, q: Pt, sine: f64) -> bool {
        let n = ring.len();
        let (a, v, b) = (
            self.points[ring[(k + n - 1) % n]],
            self.points[ring[k]],
            self.points[ring[(k + 1) % n]],
        );
        let is_inside = if orient(a, v, b) >= 0 {
            orient(v, q, a) > 0 && orient(v, b, q) > 0
        } else {
            !(orient(v, q, b) >= 0 && orient(v, a, q) >= 0)
        };
        let here = self.frame.metres(v);
        let d = self.frame.metres(q).minus(here);
        is_inside
            && [a, b].iter().all(|&e| {
                let g = self.frame.metres(e).minus(here);
                g.dot(d) <= 0.0 || g.cross(d).abs() >= sine * g.length() * d.length()
            })
    }
}

#[derive(Clone, Copy)]
struct Extent {
    low: Metres,
    high: Metres,
}

impl Extent {
    fn of(places: &[Metres]) -> Self {
        let none = Self {
            low: Metres {
                x: f64::MAX,
                y: f64::MAX,
            },
            high: Metres {
                x: f64::MIN,
                y: f64::MIN,
            },
        };
        places.iter().fold(none, |e, p| Self {
            low: Metres {
                x: e.low.x.min(p.x),
                y: e.low.y.min(p.y),
            },
            high: Metres {
                x: e.high.x.max(p.x),
                y: e.high.y.max(p.y),
            },
        })
    }

    fn is_far_from(&self, u: Metres, v: Metres, delta: f64) -> bool {
        u.x.max(v.x) < self.low.x - delta
            || u.x.min(v.x) > self.high.x + delta
            || u.y.max(v.y) < self.low.y - delta
            || u.y.min(v.y) > self.high.y + delta
    }
}

/// Running sums of area and first moments along a ring: the part behind any chord costs constant time.
pub(super) struct Sums<'a> {
    places: &'a [Metres],
    sums: Vec<[f64; 3]>,
}

impl<'a> Sums<'a> {
    pub(super) fn new(places: &'a [Metres]) -> Self {
        let mut sums = vec![[0.0; 3]];
        let mut last = [0.0; 3];
        for (p, q) in places.iter().zip(places.iter().skip(1).chain(places.first())) {
            let c = p.cross(*q) / 2.0;
            last = [
                last[0] + c,
                last[1] + c * (p.x + q.x) / 3.0,
                last[2] + c * (p.y + q.y) / 3.0,
            ];
            sums.push(last);
        }
        Self { places, sums }
    }

    /// Area and first moments of the ring.
    pub(super) fn whole(&self) -> [f64; 3] {
        self.sums[self.places.len()]
    }

    /// Area and first moments of the vertices `i..=j` closed by the chord (`i` may be greater than `j`: the part
    /// wraps around).
    pub(super) fn part(&self, i: usize, j: usize) -> [f64; 3] {
        let (p, q) = (self.places[j], self.places[i]);
        let c = p.cross(q) / 2.0;
        let chord = [c, c * (p.x + q.x) / 3.0, c * (p.y + q.y) / 3.0];
        let whole = self.whole();
        [0, 1, 2].map(|k| {
            let between = self.sums[j][k] - self.sums[i][k];
            chord[k] + between + if i <= j { 0.0 } else { whole[k] }
        })
    }
}
