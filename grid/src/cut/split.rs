//! Selects cuts: scores every pair of vertices of a ring; the best pair with a valid chain is used.

#![expect(
    clippy::indexing_slicing,
    reason = "ring arithmetic: every index is below the length or taken modulo it"
)]

use super::error::CutError;
use super::store::{Clearance, Ring, Sums, VertexStore};
use crate::geom::{Metres, Pt};
use crate::synthetic::SeededRandom;

/// The preferences for a cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct CutWish {
    /// Tolerated error of the area, as a share of the smaller part.
    pub tolerance: f64,
    /// Metres between the vertices of the new chain.
    pub spacing: f64,
    /// Bow of the chain, as a share of its length.
    pub bow: f64,
    /// Jitter of its vertices, as a share of the spacing.
    pub jitter: f64,
    /// Weight of running along or across the main direction of the ring.
    pub direction: f64,
    /// Weight of the first part lying near `near`.
    pub nearness: f64,
    /// Weight of ending where another chain ends on the far side, so that borders continue straight.
    pub through: f64,
    /// Preferred position of the first part.
    pub near: Metres,
}

/// From strict to loose: factor of the tolerance, clearance as a share of the spacing, minimum sine at the ends.
const LEVELS: [(f64, f64, f64); 5] = [
    (1.0, 0.32, 0.5),
    (2.0, 0.28, 0.35),
    (4.0, 0.2, 0.25),
    (9.0, 0.12, 0.15),
    (30.0, 0.03, 0.05),
];
/// Above this many vertices the pairs are sampled first.
const SAMPLED: usize = 360;
/// Number of pairs whose chains are tried, best first.
const TRIED: usize = 600;

/// A scored chord.
struct Scored {
    score: f64,
    /// The part from i to j is the first one.
    is_first: bool,
    /// Error of the area, as a share of the smaller part.
    error: f64,
}

struct Chooser<'a> {
    places: Vec<Metres>,
    sums: Sums<'a>,
    axis: Metres,
    joins: Vec<f64>,
    share: f64,
    wish: &'a CutWish,
}

impl Chooser<'_> {
    fn score(&self, i: usize, j: usize, tolerance: f64) -> Option<Scored> {
        let [all, all_x, all_y] = self.sums.whole();
        let [area, x, y] = self.sums.part(i, j);
        let small = self.share.min(1.0 - self.share) * all;
        if area <= 0.02 * small || area >= all - 0.02 * small {
            return None;
        }
        let (root, chord) = (all.sqrt(), self.places[j].minus(self.places[i]));
        let length = chord.length();
        let slant = (chord.dot(self.axis).abs() / length).min(chord.cross(self.axis).abs() / length);
        let mut best: Option<Scored> = None;
        for is_first in [true, false] {
            let (own, x, y) = if is_first {
                (area, x, y)
            } else {
                (all - area, all_x - x, all_y - y)
            };
            let error = (own - self.share * all).abs() / small;
            if error > tolerance {
                continue;
            }
            let near = Metres {
                x: x / own,
                y: y / own,
            }
            .distance(self.wish.near)
                / root;
            let score = length / root + 0.6 * error + self.wish.direction * slant + self.wish.nearness * near
                - self.wish.through * (self.joins[i] + self.joins[j]);
            if best.as_ref().is_none_or(|b| score < b.score) {
                best = Some(Scored {
                    score,
                    is_first,
                    error,
                });
            }
        }
        best
    }

    /// Returns pairs of vertices, best first.
    fn pairs(&self, tolerance: f64) -> Vec<(f64, usize, usize)> {
        let n = self.places.len();
        let step = (n / SAMPLED).max(1);
        let rough = if step > 1 { tolerance.max(0.3) } else { tolerance };
        let mut found: Vec<(f64, usize, usize)> = Vec::new();
        for i in (0..n).step_by(step) {
            for j in (i + step..n)
                .step_by(step)
                .filter(|&j| j >= i + 2 && i + n >= j + 2)
            {
                found.extend(self.score(i, j, rough).map(|s| (s.score, i, j)));
            }
        }
        let order = |a: &(f64, usize, usize), b: &(f64, usize, usize)| {
            a.0.total_cmp(&b.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2)))
        };
        found.sort_by(order);
        found.truncate(TRIED);
        if step > 1 {
            // The pairs were sampled: find the exact second end nearby.
            let exact = |&(_, i, j): &(f64, usize, usize)| {
                (j.saturating_sub(step).max(i + 2)..(j + step + 1).min(n))
                    .filter(|&q| q + 1 < n + i)
                    .filter_map(|q| {
                        self.score(i, q, tolerance)
                            .map(|s| (s.score + 4.0 * s.error, i, q))
                    })
                    .min_by(order)
            };
            found = found.iter().filter_map(exact).collect();
            found.sort_by(order);
        }
        found
    }
}

/// Returns the main direction of a ring's edges, treating opposite and right angles as equal: fourth power of the
/// complex direction.
fn axis(places: &[Metres]) -> Metres {
    let mut z = Metres { x: 0.0, y: 0.0 };
    for (p, q) in places.iter().zip(places.iter().skip(1).chain(places.first())) {
        let d = q.minus(*p);
        let l = d.length();
        if l > 0.0 {
            let (c, s) = (d.x / l, d.y / l);
            let (c2, s2) = (c * c - s * s, 2.0 * c * s);
            z = Metres {
                x: z.x + l * (c2 * c2 - s2 * s2),
                y: z.y + l * 2.0 * c2 * s2,
            };
        }
    }
    let half = |z: Metres| {
        let l = z.length().max(1e-9);
        let (c, s) = (
            f64::midpoint(1.0, z.x / l).max(0.0).sqrt(),
            f64::midpoint(1.0, -z.x / l).max(0.0).sqrt(),
        );
        Metres {
            x: c,
            y: if z.y < 0.0 { -s } else { s },
        }
    };
    half(half(z))
}

impl VertexStore {
    /// Cuts off a first part of about this share of the area; `None` when no valid chain was found.
    pub(super) fn split(
        &mut self,
        ring: &[usize],
        share: f64,
        wish: &CutWish,
        chance: &mut SeededRandom,
    ) -> Option<(Ring, Ring)> {
        let places = self.places(ring);
        let n = ring.len();
        let is_end = |k: usize| self.is_chain_end(ring[k % n]);
        let join = |k: usize| match (is_end(k), is_end(k + 1) || is_end(k + n - 1)) {
            (true, _) => 1.0,
            (false, true) => -1.0,
            (false, false) => 0.0,
        };
        let chooser = Chooser {
            places: places.clone(),
            sums: Sums::new(&places),
            axis: axis(&places),
            joins: (0..n).map(join).collect(),
            share,
            wish,
        };
        for (looser, delta, sine) in LEVELS {
            let clear = Clearance {
                metres: delta * wish.spacing,
                sine,
            };
            for (_, i, j) in chooser.pairs((wish.tolerance * looser).min(0.97)) {
                for straighter in [1.0, 0.4, 0.0] {
                    let bow = [
                        wish.bow * straighter * chance.signed(),
                        wish.bow * straighter * chance.signed(),
                    ];
                    let chain = self.bowed_chain((ring[i], ring[j]), wish, straighter, bow, chance);
                    if self.is_lawful(ring, i, j, &chain, clear) {
                        let is_first = chooser.score(i, j, f64::INFINITY).is_none_or(|s| s.is_first);
                        let (a, b) = self.apply(ring, i, j, &chain);
                        return Some(if is_first { (a, b) } else { (b, a) });
                    }
                }
            }
        }
        None
    }

    fn bowed_chain(
        &self,
        ends: (usize, usize),
        wish: &CutWish,
        straighter: f64,
        bow: [f64; 2],
        chance: &mut SeededRandom,
    ) -> Vec<Pt> {
        let (a, b) = (self.metres(ends.0), self.metres(ends.1));
        let d = b.minus(a);
        let length = d.length();
        let n = steps(length / wish.spacing);
        let mut chain = vec![self.vertex(ends.0)];
        for k in 1..n {
            let t = f64::from(k) / f64::from(n);
            let aside = 4.0 * t * (1.0 - t) * (bow[0] + bow[1] * 2.0 * (1.0 - 2.0 * t))
                + wish.jitter * straighter * wish.spacing * chance.signed() / length.max(1.0);
            chain.push(self.point(Metres {
                x: a.x + t * d.x - aside * d.y,
                y: a.y + t * d.y + aside * d.x,
            }));
        }
        chain.push(self.vertex(ends.1));
        chain
    }

    /// Cuts a block of this area out of the ring's rim, as near to `wish.near` as possible: a town beside a road. The
    /// rest remains one ring without a hole.
    pub(super) fn pocket(
        &mut self,
        ring: &[usize],
        area: f64,
        wish: &CutWish,
        chance: &mut SeededRandom,
    ) -> Option<(Ring, Ring)> {
        let places = self.places(ring);
        let sums = Sums::new(&places);
        let (n, width) = (ring.len(), area.sqrt() * 1.2);
        let mut blocks: Vec<(f64, usize, usize, f64)> = Vec::new();
        for i in 0..n {
            let Some(l) = (2..n / 2).find(|&l| places[i].distance(places[(i + l) % n]) >= width) else {
                continue;
            };
            let j = (i + l) % n;
            let (a, b) = (places[i], places[j]);
            let d = a.distance(b);
            let height = (area - sums.part(i, j)[0]) / d;
            if !(0.35 * width..=1.6 * width).contains(&height) {
                continue;
            }
            let e = b.minus(a);
            let middle = Metres {
                x: f64::midpoint(a.x, b.x) - e.y / d * height / 2.0,
                y: f64::midpoint(a.y, b.y) + e.x / d * height / 2.0,
            };
            blocks.push((
                middle.distance(wish.near) + 0.2 * (height - 0.8 * width).abs(),
                i,
                j,
                height,
            ));
        }
        blocks.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        // A block too near another border would leave a thin strip: require a large clearance first.
        for room in [6.0, 2.0, 0.3] {
            for &(_, i, j, height) in &blocks {
                let (a, b) = (places[i], places[j]);
                let e = b.minus(a);
                let up = Metres {
                    x: -e.y / e.length() * height,
                    y: e.x / e.length() * height,
                };
                let lean = [0.06 * chance.signed(), 0.06 * chance.signed()];
                let top = |p: Metres, t: f64| Metres {
                    x: p.x + up.x + t * e.x,
                    y: p.y + up.y + t * e.y,
                };
                let mut chain = vec![self.vertex(ring[i])];
                let corners = [a, top(a, lean[0]), top(b, lean[1]), b];
                for side in corners.windows(2) {
                    let d = side[1].minus(side[0]);
                    let count = steps(d.length() / wish.spacing);
                    for k in 1..=count {
                        let t = f64::from(k) / f64::from(count);
                        chain.push(self.point(Metres {
                            x: side[0].x + t * d.x,
                            y: side[0].y + t * d.y,
                        }));
                    }
                }
                chain.pop();
                chain.push(self.vertex(ring[j]));
                let clear = Clearance {
                    metres: room * wish.spacing,
                    sine: 0.5,
                };
                if self.is_lawful(ring, i, j, &chain, clear) {
                    return Some(self.apply(ring, i, j, &chain));
                }
            }
        }
        None
    }

    /// Cuts the ring into parts of these weights, in their order; the first parts are nearest to the wish's position.
    /// The wish may depend on the range of weights (from, to) of a cut. Weights are rescaled at each cut, so that
    /// errors do not accumulate.
    pub(super) fn partition(
        &mut self,
        ring: Ring,
        weights: &[f64],
        wish: &dyn Fn(usize, usize) -> CutWish,
        chance: &mut SeededRandom,
    ) -> Result<Vec<Ring>, CutError> {
        let mut out = Vec::new();
        let mut open = vec![(ring, 0, weights.len())];
        while let Some((ring, from, to)) = open.pop() {
            let own = &weights[from..to];
            if own.len() <= 1 {
                out.push(ring);
                continue;
            }
            let all: f64 = own.iter().sum();
            let (mut best, mut at, mut sum) = (f64::INFINITY, 1, 0.0);
            for (k, w) in own.iter().enumerate().take(own.len() - 1) {
                sum += w;
                let off = (sum - all / 2.0).abs();
                if off < best {
                    (best, at) = (off, k + 1);
                }
            }
            let share = own[..at].iter().sum::<f64>() / all;
            let (a, b) = self.split(&ring, share, &wish(from, to), chance).ok_or_else(|| {
                CutError::NoCut(format!(
                    "a ring of {} vertices and {:.0} m2",
                    ring.len(),
                    self.area_m2(&ring)
                ))
            })?;
            open.push((b, from + at, to));
            open.push((a, from, from + at));
        }
        Ok(out)
    }
}

/// Returns the number of segments of a chain: at least one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and it saturates"
)]
fn steps(n: f64) -> u32 {
    (n.round() as u32).max(1)
}
