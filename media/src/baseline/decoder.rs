//! The scan: blocks of all components in their order, given on as rows of samples.
#![expect(
    clippy::indexing_slicing,
    reason = "positions come from a table of 64 places below 64, and strips are as long as their geometry says"
)]

use super::bits::Bits;
use super::header::{Component, Frame};
use super::huffman::Huffman;
use super::idct::{self, Block, Size};
use super::tables::ZIGZAG;
use crate::error::MediaError;
use crate::input::PhotoBytes;

/// Receives the rows of each component from the top, in turns: the component's number and a row of its samples.
pub(crate) type RowSink<'s> = dyn FnMut(usize, &[u8]) -> Result<(), MediaError> + 's;

/// Decodes the scan that the input is at. `sizes` gives the samples of a block for each component. A row has as many
/// samples as the component's extent at that size, rounded up; so is the number of rows.
pub(crate) fn decode(
    frame: &Frame,
    sizes: [Size; 3],
    input: &mut PhotoBytes<'_>,
    sink: &mut RowSink<'_>,
) -> Result<(), MediaError> {
    let decoded = decode_scan(frame, sizes, input, sink);
    // A source that failed is not a file that ends early.
    input.check()?;
    decoded
}

fn decode_scan(
    frame: &Frame,
    sizes: [Size; 3],
    input: &mut PhotoBytes<'_>,
    sink: &mut RowSink<'_>,
) -> Result<(), MediaError> {
    let (most_across, most_down) = frame.most();
    let units_across = frame.width.div_ceil(8 * most_across);
    let units_down = frame.height.div_ceil(8 * most_down);
    let mut strips = frame
        .components
        .iter()
        .zip(sizes)
        .map(|(component, size)| Strip::new(frame, component, size, units_across))
        .collect::<Result<Vec<_>, _>>()?;

    let mut bits = Bits::new(input);
    let (mut left, mut number) = (frame.interval, 0);
    for _ in 0..units_down {
        for unit in 0..units_across as usize {
            if frame.interval > 0 && left == 0 {
                bits.restart(number)?;
                number = (number + 1) & 7;
                left = frame.interval;
                strips.iter_mut().for_each(|strip| strip.previous = 0);
            }
            left = left.saturating_sub(1);
            for strip in &mut strips {
                strip.unit(unit, &mut bits)?;
            }
        }
        for (index, strip) in strips.iter_mut().enumerate() {
            strip.give(index, sink)?;
        }
    }
    Ok(())
}

/// One row of units of a component.
struct Strip<'f> {
    dc: &'f Huffman,
    ac: &'f Huffman,
    /// For each position in the file's order: where the coefficient goes, and its factor.
    steps: [(u8, f32); 64],
    size: Size,
    /// Blocks in a unit.
    across: usize,
    down: usize,
    /// The DC value before.
    previous: i32,
    samples: Vec<u8>,
    stride: usize,
    /// Samples of a row that belong to the picture, and rows that are still to be given.
    width: usize,
    rows: usize,
}

impl<'f> Strip<'f> {
    fn new(frame: &'f Frame, component: &Component, size: Size, units: u32) -> Result<Self, MediaError> {
        let missing = || MediaError::corrupt("a scan whose tables are missing");
        let tables = &frame.tables;
        let factors = tables.quantisation.get(component.quantisation);
        let factors = factors.and_then(Option::as_ref).ok_or_else(missing)?;
        let dc = tables.dc.get(component.dc).and_then(Option::as_deref);
        let ac = tables.ac.get(component.ac).and_then(Option::as_deref);
        let side = size.samples() as usize;
        let mut steps = [(0, 0.0); 64];
        for ((step, &place), &factor) in steps.iter_mut().zip(&ZIGZAG).zip(factors) {
            let (row, column) = (usize::from(place / 8), usize::from(place % 8));
            let scaled = f64::from(factor) * size.factor(row, column);
            // Coefficients that this size does not use have the factor 0, and go where they change nothing that is
            // read: the last place, which no smaller size reads.
            *step = if row < side && column < side {
                (u8::try_from(row * side + column).unwrap_or(63), narrow(scaled))
            } else {
                (63, 0.0)
            };
        }
        let (most_across, most_down) = frame.most();
        let (across, down) = (component.across as usize, component.down as usize);
        let stride = units as usize * across * side;
        // Whole samples: the extent at this size, rounded up.
        let samples = |length: u32, blocks: u32, most: u32| {
            (u64::from(length) * u64::from(blocks) * u64::from(size.samples())).div_ceil(8 * u64::from(most))
        };
        let rows = samples(frame.height, component.down, most_down);
        let width = samples(frame.width, component.across, most_across);
        Ok(Self {
            dc: dc.ok_or_else(missing)?,
            ac: ac.ok_or_else(missing)?,
            steps,
            size,
            across,
            down,
            previous: 0,
            samples: vec![0; stride * down * side],
            stride,
            width: usize::try_from(width).unwrap_or(stride).min(stride),
            rows: usize::try_from(rows).unwrap_or(0),
        })
    }

    /// Decodes the blocks of a unit.
    #[inline]
    fn unit(&mut self, unit: usize, bits: &mut Bits<'_, '_>) -> Result<(), MediaError> {
        match self.size {
            Size::One => self.unit_of::<1>(unit, bits),
            Size::Two => self.unit_of::<2>(unit, bits),
            Size::Four => self.unit_of::<4>(unit, bits),
            Size::Eight => self.unit_of::<8>(unit, bits),
        }
    }

    #[inline(always)]
    fn unit_of<const N: usize>(&mut self, unit: usize, bits: &mut Bits<'_, '_>) -> Result<(), MediaError> {
        let mut block: Block = [0.0; 64];
        for down in 0..self.down {
            for across in 0..self.across {
                block[..N * N].fill(0.0);
                let flat = self.coefficients(&mut block, bits)?;
                let first = down * N * self.stride + (unit * self.across + across) * N;
                idct::write::<N>(&block, flat, &mut self.samples[first..], self.stride);
            }
        }
        Ok(())
    }

    /// Reads the coefficients of a block. Returns whether all but the first are 0.
    #[inline(always)]
    fn coefficients(&mut self, block: &mut Block, bits: &mut Bits<'_, '_>) -> Result<bool, MediaError> {
        bits.refill();
        let size = self.dc.symbol(bits)?;
        match size {
            0 => {}
            1..=15 => self.previous = self.previous.wrapping_add(bits.value(size)),
            _ => return Err(MediaError::corrupt("a coefficient of more bits than JPEG allows")),
        }
        block[0] = self.previous as f32 * self.steps[0].1;

        let mut at = 1;
        let mut flat = true;
        while at < 64 {
            bits.refill();
            let value = if let Some((value, zeros, length)) = self.ac.whole(bits) {
                bits.consume(length);
                at += zeros;
                value
            } else {
                let symbol = self.ac.symbol(bits)?;
                let (zeros, size) = (symbol >> 4, symbol & 15);
                match (zeros, size) {
                    (15, 0) => {
                        at += 16;
                        continue;
                    }
                    (_, 0) => break,
                    _ => {}
                }
                at += zeros;
                bits.value(size)
            };
            let Some(&(place, factor)) = self.steps.get(at as usize) else {
                bits.check()?;
                return Err(MediaError::corrupt("a block of more than 64 coefficients"));
            };
            block[usize::from(place & 63)] = value as f32 * factor;
            flat = false;
            at += 1;
        }
        bits.check()?;
        Ok(flat)
    }

    /// Gives the rows of the strip that belong to the picture.
    fn give(&mut self, index: usize, sink: &mut RowSink<'_>) -> Result<(), MediaError> {
        let count = self.rows.min(self.down * self.size.samples() as usize);
        for row in self.samples.chunks_exact(self.stride).take(count) {
            sink(index, &row[..self.width])?;
        }
        self.rows -= count;
        Ok(())
    }
}

/// A factor, at most 2^16.
#[expect(
    clippy::cast_possible_truncation,
    reason = "of a double only precision is lost"
)]
fn narrow(factor: f64) -> f32 {
    factor as f32
}
