//! Scales one plane of samples while its rows arrive: Lanczos with three lobes, down first and then across. It holds
//! only the rows under one row of the result.
//!
//! In whole numbers without processor-specific code, so that every machine gives the same bytes.
#![expect(
    clippy::indexing_slicing,
    reason = "windows of rows and taps are made as long as their indices reach"
)]

/// Lobes of the filter.
const LOBES: f64 = 3.0;
/// Bits behind the point of a weight.
const WEIGHT_BITS: u32 = 14;
/// Bits behind the point between the two passes.
const BETWEEN_BITS: u32 = 4;
/// Weights of a row are padded to a multiple of this.
const GROUP: usize = 8;
/// Samples that are summed at once, down.
const BLOCK: usize = 32;

/// How a length is scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    /// Samples that arrive.
    pub(crate) from: usize,
    /// The part of them that is picture, at most `from`: the last sample may be covered only in part.
    pub(crate) extent: f64,
    /// Samples of the result.
    pub(crate) to: usize,
    /// The part of the result that is picture, at most `to`.
    pub(crate) to_extent: f64,
    /// Whether the result's partial sample is its first and not its last, because the row will be reversed.
    pub(crate) reversed: bool,
}

/// The samples that make one sample of the result.
struct Taps {
    first: usize,
    weights: Vec<i16>,
}

impl Span {
    fn is_identity(&self) -> bool {
        self.from == self.to && (self.extent - self.to_extent).abs() < f64::EPSILON && !self.shifts()
    }

    fn shifts(&self) -> bool {
        self.reversed && self.to_extent < self.to as f64
    }

    /// The taps of each sample of the result.
    fn taps(&self) -> Vec<Taps> {
        let scale = self.extent / self.to_extent;
        let shift = if self.shifts() {
            self.to as f64 - self.to_extent
        } else {
            0.0
        };
        let wide = scale.max(1.0);
        let last = self.from.saturating_sub(1);
        (0..self.to)
            .map(|index| {
                let centre = (index as f64 + 0.5 - shift) * scale - 0.5;
                let first = whole((centre - LOBES * wide).ceil()).min(last);
                let end = whole((centre + LOBES * wide).floor()).clamp(first, last);
                let weights: Vec<f64> = (first..=end)
                    .map(|at| lanczos((at as f64 - centre) / wide))
                    .collect();
                fixed(first, &weights)
            })
            .collect()
    }
}

fn lanczos(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        return 1.0;
    }
    if x.abs() >= LOBES {
        return 0.0;
    }
    let x = x * std::f64::consts::PI;
    LOBES * x.sin() * (x / LOBES).sin() / (x * x)
}

/// Converts weights to whole numbers whose sum is exactly one.
fn fixed(first: usize, weights: &[f64]) -> Taps {
    let sum: f64 = weights.iter().sum();
    let one = f64::from(1_u32 << WEIGHT_BITS);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a weight is at most 1.3, and saturates"
    )]
    let mut whole: Vec<i16> = if sum.abs() < 1e-6 {
        vec![0; weights.len()]
    } else {
        weights
            .iter()
            .map(|weight| (weight / sum * one).round() as i16)
            .collect()
    };
    let missing = (1_i32 << WEIGHT_BITS) - whole.iter().map(|&weight| i32::from(weight)).sum::<i32>();
    if let Some(largest) = whole.iter_mut().max() {
        *largest = largest.saturating_add(i16::try_from(missing).unwrap_or(0));
    }
    let leading = whole.iter().take_while(|&&weight| weight == 0).count();
    let kept = whole
        .iter()
        .rposition(|&weight| weight != 0)
        .map_or(0, |at| at + 1);
    Taps {
        first: first + leading.min(kept),
        weights: whole.get(leading..kept).unwrap_or_default().to_vec(),
    }
}

/// A position; below 0 counts as 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a saturating cast of a position within a side"
)]
fn whole(position: f64) -> usize {
    position.max(0.0) as usize
}

/// Scales a plane row by row.
pub(crate) struct Scaler {
    rows: Vec<Taps>,
    /// For each sample of a result's row: where its samples begin.
    starts: Vec<usize>,
    /// The weights of all of them, `group` for each.
    weights: Vec<i16>,
    group: usize,
    /// Rows under the next row of the result, by their number modulo its length.
    window: Vec<Vec<u8>>,
    /// Rows that arrived, and rows that were given.
    arrived: usize,
    given: usize,
    width: usize,
    line: Vec<i16>,
    result: Vec<u8>,
    identity: bool,
}

impl Scaler {
    pub(crate) fn new(across: Span, down: Span) -> Self {
        let columns = across.taps();
        let rows = down.taps();
        let widest = columns.iter().map(|taps| taps.weights.len()).max();
        let group = widest.unwrap_or(1).next_multiple_of(GROUP);
        let mut weights = Vec::with_capacity(columns.len() * group);
        for taps in &columns {
            weights.extend_from_slice(&taps.weights);
            weights.resize(weights.len().next_multiple_of(group), 0);
            // A sample without any weight still has its place.
            if taps.weights.is_empty() {
                weights.resize(weights.len() + group, 0);
            }
        }
        let tallest = rows
            .iter()
            .map(|taps| taps.weights.len())
            .max()
            .unwrap_or(1)
            .max(1);
        let identity = across.is_identity() && down.is_identity();
        Self {
            rows,
            starts: columns.iter().map(|taps| taps.first).collect(),
            weights,
            group,
            window: if identity {
                Vec::new()
            } else {
                vec![vec![0; across.from]; tallest]
            },
            arrived: 0,
            given: 0,
            width: across.from,
            line: vec![0; across.from + group],
            result: vec![0; across.to],
            identity,
        }
    }

    /// Takes the next row and gives each row of the result that it completes, with its number.
    pub(crate) fn push(&mut self, row: &[u8], give: &mut dyn FnMut(usize, &[u8])) {
        if self.identity {
            if self.arrived < self.rows.len() {
                give(self.arrived, row);
            }
            self.arrived += 1;
            return;
        }
        let height = self.window.len();
        let place = &mut self.window[self.arrived % height];
        let length = place.len().min(row.len());
        place[..length].copy_from_slice(&row[..length]);
        self.arrived += 1;
        while let Some(taps) = self.rows.get(self.given) {
            if taps.first + taps.weights.len() > self.arrived {
                break;
            }
            sum_rows(taps, &self.window, &mut self.line[..self.width]);
            self.sum_columns();
            give(self.given, &self.result);
            self.given += 1;
        }
    }

    /// Sums the samples of `line` to a row of the result.
    fn sum_columns(&mut self) {
        const SHIFT: u32 = WEIGHT_BITS + BETWEEN_BITS;
        let weights = self.weights.chunks_exact(self.group);
        for ((to, &start), weights) in self.result.iter_mut().zip(&self.starts).zip(weights) {
            let samples = &self.line[start..start + self.group];
            let mut sum = 1 << (SHIFT - 1);
            for (samples, weights) in samples
                .as_chunks::<GROUP>()
                .0
                .iter()
                .zip(weights.as_chunks::<GROUP>().0)
            {
                let products: [i32; GROUP] =
                    std::array::from_fn(|at| i32::from(samples[at]) * i32::from(weights[at]));
                sum += products.iter().sum::<i32>();
            }
            *to = clamped(sum >> SHIFT);
        }
    }
}

/// Sums the rows under a row of the result.
fn sum_rows(taps: &Taps, window: &[Vec<u8>], line: &mut [i16]) {
    const SHIFT: u32 = WEIGHT_BITS - BETWEEN_BITS;
    let rows = |at: usize| window[(taps.first + at) % window.len()].as_slice();
    let mut start = 0;
    while start < line.len() {
        let end = line.len().min(start + BLOCK);
        let mut sums = [1_i32 << (SHIFT - 1); BLOCK];
        for (at, &weight) in taps.weights.iter().enumerate() {
            let row = &rows(at)[start..end];
            if let Some(row) = row.first_chunk::<BLOCK>() {
                for (sum, &sample) in sums.iter_mut().zip(row) {
                    *sum += i32::from(i16::from(sample)) * i32::from(weight);
                }
            } else {
                for (sum, &sample) in sums.iter_mut().zip(row) {
                    *sum += i32::from(sample) * i32::from(weight);
                }
            }
        }
        for (to, sum) in line[start..end].iter_mut().zip(sums) {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "at most 2.1 times 255 with four bits behind the point"
            )]
            let between = (sum >> SHIFT) as i16;
            *to = between;
        }
        start = end;
    }
}

fn clamped(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(0)
}
