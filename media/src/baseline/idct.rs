//! From the coefficients of a block to its samples: 8 x 8, or scaled to 4 x 4, 2 x 2 or 1 x 1.
//!
//! The scaled forms compute the samples of a smaller block from the low frequencies alone. In floats, because a
//! processor without special instructions multiplies four of them at once, and because no coefficient overflows.
#![expect(
    clippy::indexing_slicing,
    reason = "arrays of fixed length, indexed by loops over the same length"
)]

/// Samples that a block gives in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Size {
    One = 1,
    Two = 2,
    Four = 4,
    Eight = 8,
}

impl Size {
    /// From the largest reduction to none.
    pub(crate) const ALL: [Self; 4] = [Self::One, Self::Two, Self::Four, Self::Eight];

    pub(crate) fn samples(self) -> u32 {
        self as u32
    }

    /// Half the size, or one sample.
    pub(crate) fn halved(self) -> Self {
        match self {
            Self::Eight => Self::Four,
            Self::Four => Self::Two,
            Self::Two | Self::One => Self::One,
        }
    }

    /// The factor of a coefficient, whose row and column count from 0, that the transformation expects; 0 for those
    /// that it does not use.
    pub(super) fn factor(self, row: usize, column: usize) -> f64 {
        let side = self.samples() as usize;
        if row >= side || column >= side {
            return 0.0;
        }
        let one = |k: usize| match (self, k) {
            (Self::Eight, 1..) => std::f64::consts::SQRT_2 * (k as f64 * std::f64::consts::PI / 16.0).cos(),
            _ => 1.0,
        };
        one(row) * one(column) / 8.0
    }
}

/// Coefficients with their factors applied, row by row.
pub(super) type Block = [f32; 64];

/// Rounds to a sample, with the middle of the range added.
#[inline(always)]
fn sample(value: f32) -> u8 {
    // Adding 1.5 * 2^23 leaves the rounded number in the low bits.
    let clamped = (value + 128.0).clamp(0.0, 255.0);
    ((clamped + 12_582_912.0).to_bits() & 0xFF) as u8
}

/// Writes the samples of a block to `out`, whose rows are `stride` samples apart.
#[inline(always)]
pub(super) fn write<const N: usize>(block: &Block, flat: bool, out: &mut [u8], stride: usize) {
    if flat {
        let value = sample(block[0]);
        for row in out.chunks_mut(stride).take(N) {
            if let Some(row) = row.first_chunk_mut::<N>() {
                row.fill(value);
            }
        }
        return;
    }
    let mut square = [[0.0; N]; N];
    for (row, from) in square.iter_mut().zip(block.chunks_exact(N)) {
        row.copy_from_slice(from);
    }
    down(&mut square);
    square = transposed(&square);
    down(&mut square);
    // Transposed: column by column. The next transposition is done by the writes.
    square = transposed(&square);
    for (row, values) in out.chunks_mut(stride).zip(&square) {
        if let Some(row) = row.first_chunk_mut::<N>() {
            for (to, &value) in row.iter_mut().zip(values) {
                *to = sample(value);
            }
        }
    }
}

#[inline(always)]
fn transposed<const N: usize>(square: &[[f32; N]; N]) -> [[f32; N]; N] {
    let mut turned = [[0.0; N]; N];
    for (y, row) in square.iter().enumerate() {
        for (x, &value) in row.iter().enumerate() {
            turned[x][y] = value;
        }
    }
    turned
}

/// Transforms all columns at once.
#[expect(clippy::needless_range_loop, reason = "a column is not a range of rows")]
#[inline(always)]
fn down<const N: usize>(rows: &mut [[f32; N]; N]) {
    match N {
        8 => {
            for x in 0..N {
                let out = eight(std::array::from_fn(|y| rows[y.min(N - 1)][x]));
                for (row, value) in rows.iter_mut().zip(out) {
                    row[x] = value;
                }
            }
        }
        4 => {
            for x in 0..N {
                let out = four(std::array::from_fn(|y| rows[y.min(N - 1)][x]));
                for (row, value) in rows.iter_mut().zip(out) {
                    row[x] = value;
                }
            }
        }
        2 => {
            for x in 0..N {
                let (low, high) = (rows[0][x], rows[1.min(N - 1)][x]);
                rows[0][x] = low + high;
                rows[1.min(N - 1)][x] = low - high;
            }
        }
        _ => {}
    }
}

/// The inverse transformation of four values.
#[inline(always)]
fn four([x0, x1, x2, x3]: [f32; 4]) -> [f32; 4] {
    /// sqrt(2) times the cosines of 1/8 and 3/8 pi.
    const C1: f32 = 1.306_563;
    const C3: f32 = 0.541_196_1;
    let (e0, e1) = (x0 + x2, x0 - x2);
    let (o0, o1) = (C1 * x1 + C3 * x3, C3 * x1 - C1 * x3);
    [e0 + o0, e1 + o1, e1 - o1, e0 - o0]
}

/// The inverse transformation of eight values after Arai, Agui and Nakajima; most multiplications are in
/// [`Size::factor`].
#[inline(always)]
fn eight(x: [f32; 8]) -> [f32; 8] {
    const SQRT_2: f32 = std::f32::consts::SQRT_2;
    // Even part.
    let (t10, t11) = (x[0] + x[4], x[0] - x[4]);
    let t13 = x[2] + x[6];
    let t12 = (x[2] - x[6]) * SQRT_2 - t13;
    let (t0, t3) = (t10 + t13, t10 - t13);
    let (t1, t2) = (t11 + t12, t11 - t12);
    // Odd part.
    let (z13, z10) = (x[5] + x[3], x[5] - x[3]);
    let (z11, z12) = (x[1] + x[7], x[1] - x[7]);
    let t7 = z11 + z13;
    let t11 = (z11 - z13) * SQRT_2;
    let z5 = (z10 + z12) * 1.847_759_1;
    let t10 = z5 - z12 * 1.082_392_2;
    let t12 = z5 - z10 * 2.613_126;
    let t6 = t12 - t7;
    let t5 = t11 - t6;
    let t4 = t10 - t5;
    [
        t0 + t7,
        t1 + t6,
        t2 + t5,
        t3 + t4,
        t3 - t4,
        t2 - t5,
        t1 - t6,
        t0 - t7,
    ]
}
