//! Generated tessellations for benchmarks and tests: jittered quads whose shared borders are subdivided into crooked
//! chains, with lakes left out and a ragged rim. Valid by construction: neighbours contain the same vertices.

use protocol::codes::CellCode;

use crate::geom::Pt;

/// splitmix64: the only random source in this crate, always seeded, so that every result is reproducible.
#[derive(Clone, Debug)]
pub struct SeededRandom(u64);

impl SeededRandom {
    /// Returns a random stream for this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns an independent random stream for this seed and name, so that a change in one unit does not affect the
    /// others.
    pub fn named(seed: u64, name: &str) -> Self {
        let mix = |h: u64, b: u8| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
        Self(name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, mix))
    }

    /// Returns the next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a uniform value in `low..=high`; `low` when the range is empty.
    pub fn within(&mut self, low: i32, high: i32) -> i32 {
        let span = u64::try_from(i64::from(high) - i64::from(low) + 1)
            .unwrap_or(1)
            .max(1);
        let step = i64::try_from(self.bits() % span).unwrap_or_default();
        i32::try_from(i64::from(low) + step).unwrap_or(low)
    }

    /// Returns a uniform value from -1 to 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a float exactly")]
    pub fn signed(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// Generates cells of about 100 m by 100 m near Changchun, `side` by `side` of them minus about 3 % lakes, with about
/// 24 vertices each. Above a side of 985 there is more than one county.
pub fn mesh(side: u16, seed: u64) -> Vec<(CellCode, Vec<Pt>)> {
    let corner = |i: i32, j: i32| {
        let mut c = SeededRandom::named(seed, &format!("{i},{j}"));
        // 100 m are 12,450 units of longitude and 9,000 of latitude at this position.
        let (dx, dy) = (c.within(-3_000, 3_000), c.within(-2_200, 2_200));
        Pt::new(1_252_000_000 + i * 12_450 + dx, 438_000_000 + j * 9_000 + dy)
    };
    let chain = |a: (i32, i32), b: (i32, i32)| {
        let (p, q) = (corner(a.0, a.1), corner(b.0, b.1));
        let mut c = SeededRandom::named(seed, &format!("{a:?}{b:?}"));
        let middle = (1..6).map(|k| {
            let on = |s: i32, t: i32| s + (t - s) / 6 * k;
            Pt::new(
                on(p.x, q.x) + c.within(-400, 400),
                on(p.y, q.y) + c.within(-300, 300),
            )
        });
        std::iter::once(p)
            .chain(middle.collect::<Vec<_>>())
            .collect::<Vec<Pt>>()
    };
    // The same chain in reverse, without its last vertex.
    let back = |a: (i32, i32), b: (i32, i32)| {
        let forth = chain(a, b);
        let inner = forth.into_iter().skip(1).rev();
        std::iter::once(corner(b.0, b.1))
            .chain(inner)
            .collect::<Vec<Pt>>()
    };
    let side = i32::from(side);
    let mut out = Vec::new();
    for (k, (j, i)) in (0u64..).zip((0..side).flat_map(|j| (0..side).map(move |i| (j, i)))) {
        let is_lake = SeededRandom::named(seed ^ 0x1ace, &format!("{},{}", i / 4, j / 3)).bits() % 100 < 3;
        let Some(code) = code_of(k).filter(|_| !is_lake) else {
            continue;
        };
        let mut ring = chain((i, j), (i + 1, j));
        ring.extend(chain((i + 1, j), (i + 1, j + 1)));
        ring.extend(back((i, j + 1), (i + 1, j + 1)));
        ring.extend(back((i, j), (i, j + 1)));
        out.push((code, ring));
    }
    out
}

/// Returns the k-th code: serials 01 to 99 on each of three levels, the counties downwards from 999999.
fn code_of(k: u64) -> Option<CellCode> {
    let (cell, community, street) = (k % 99 + 1, k / 99 % 99 + 1, k / 9_801 % 99 + 1);
    let county = 999_999u64.checked_sub(k / 970_299)?;
    format!("{county:06}{street:02}{community:02}{cell:02}")
        .parse()
        .ok()
}
