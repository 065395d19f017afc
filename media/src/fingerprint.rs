//! The perceptual hash of a picture: 64 bits that stay nearly the same when it is scaled, or encoded or stamped again.

use std::io::Cursor;

use crate::error::MediaError;
use crate::limits::PhotoLimits;
use crate::planes::Plane;
use crate::prepare::{PrepareOptions, read};

/// Side of the square that the picture is reduced to.
const SIDE: usize = 32;
/// Frequencies that are looked at in each direction, from 1: the mean and plain gradients of light tell nothing.
const FREQUENCIES: usize = 8;
/// The upper part of the picture that counts, in fifths: the stamp is below it.
const FIFTHS: usize = 4;
/// Half of the frequencies must be at least this strong. Below it, noise decides the bits: a dark or blank picture.
const WEAKEST: f64 = 2.5;

/// The perceptual hash of a picture. Pictures of the same scene from the same spot differ in few bits, any two others in
/// about 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// Bits that differ, 0 to 64.
    #[must_use]
    pub const fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

/// Computes the fingerprint of a photo: the signs of low frequencies of its luma, against their median. `None` for a
/// picture without content (dark, blank, or under 32 pixels a side), which would equal every other one.
///
/// Not proof against somebody who edits a picture for it: cropping, mirroring and turning change it.
///
/// # Errors
/// As [`prepare`](crate::prepare).
pub fn fingerprint(bytes: &[u8], limits: &PhotoLimits) -> Result<Option<Fingerprint>, MediaError> {
    let reduced = PrepareOptions {
        longest_side: 128,
        shorter_side: 48,
        ..PrepareOptions::default()
    };
    let picture = read(&mut Cursor::new(bytes), limits, &reduced)?.picture;
    let [luma, ..] = &picture.planes;
    let height = luma.height * FIFTHS / 5;
    if luma.width < SIDE || height < SIDE {
        return Ok(None);
    }
    Ok(of_frequencies(&frequencies(&square(luma, height))))
}

/// Means of the plane's upper `height` rows, in a square.
fn square(luma: &Plane, height: usize) -> [[f64; SIDE]; SIDE] {
    let range = |k: usize, length: usize| (k * length / SIDE)..((k + 1) * length / SIDE);
    std::array::from_fn(|y| {
        std::array::from_fn(|x| {
            let (rows, columns) = (range(y, height), range(x, luma.width));
            #[expect(clippy::cast_precision_loss, reason = "some pixels")]
            let count = (rows.len() * columns.len()) as f64;
            let sum: u64 = rows
                .flat_map(|row| luma.row(row).get(columns.clone()).unwrap_or_default())
                .map(|&sample| u64::from(sample))
                .sum();
            #[expect(clippy::cast_precision_loss, reason = "a sum of some bytes")]
            let sum = sum as f64;
            sum / count
        })
    })
}

/// The low frequencies of the discrete cosine transform, scaled as an orthonormal one.
fn frequencies(square: &[[f64; SIDE]; SIDE]) -> [[f64; FREQUENCIES]; FREQUENCIES] {
    #[expect(clippy::cast_precision_loss, reason = "at most 65")]
    let wave = |frequency: usize, at: usize| {
        let angle = std::f64::consts::PI * (frequency * (2 * at + 1)) as f64 / (2 * SIDE) as f64;
        angle.cos() / 4.0
    };
    let along = |line: &dyn Fn(usize) -> f64, frequency: usize| -> f64 {
        (0..SIDE).map(|at| line(at) * wave(frequency, at)).sum()
    };
    let rows: [[f64; FREQUENCIES]; SIDE] =
        square.map(|row| std::array::from_fn(|u| along(&|x| row.get(x).copied().unwrap_or_default(), u + 1)));
    std::array::from_fn(|v| {
        std::array::from_fn(|u| {
            let column = |y: usize| {
                let row = rows.get(y);
                row.and_then(|row| row.get(u)).copied().unwrap_or_default()
            };
            along(&column, v + 1)
        })
    })
}

fn of_frequencies(frequencies: &[[f64; FREQUENCIES]; FREQUENCIES]) -> Option<Fingerprint> {
    let all = || frequencies.iter().flatten().copied();
    if median(all().map(f64::abs)) < WEAKEST {
        return None;
    }
    let middle = median(all());
    let bits = all().fold(0_u64, |bits, strength| bits << 1 | u64::from(strength > middle));
    Some(Fingerprint(bits))
}

/// The lower one of the two values in the middle.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or_default()
}
