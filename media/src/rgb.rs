//! From RGB to the components of the filed picture, and back.

use crate::exif::Orientation;
use crate::planes::{Arriving, Maker, Planes};

/// Red, green, blue.
pub(crate) type Pixel = [u8; 3];

/// Luma and both differences of a colour (JFIF).
#[inline(always)]
pub(crate) fn to_components([red, green, blue]: Pixel) -> Pixel {
    let (r, g, b) = (i32::from(red), i32::from(green), i32::from(blue));
    let half = 1 << 15;
    let y = (19_595 * r + 38_470 * g + 7_471 * b + half) >> 16;
    let cb = (-11_059 * r - 21_709 * g + 32_768 * b + (128 << 16) + half - 1) >> 16;
    let cr = (32_768 * r - 27_439 * g - 5_329 * b + (128 << 16) + half - 1) >> 16;
    [y, cb, cr].map(sample)
}

/// The colour of luma and both differences.
#[inline(always)]
pub(crate) fn to_rgb([y, cb, cr]: Pixel) -> Pixel {
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let half = 1 << 15;
    [
        y + ((91_881 * cr + half) >> 16),
        y - ((22_554 * cb + 46_802 * cr + half) >> 16),
        y + ((116_130 * cb + half) >> 16),
    ]
    .map(sample)
}

/// Blends a transparent sample with a white background.
pub(crate) fn on_white(sample: u8, alpha: u8) -> u8 {
    let (sample, alpha) = (u32::from(sample), u32::from(alpha));
    u8::try_from((sample * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
}

fn sample(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(0)
}

/// Takes rows of RGB pixels and makes the filed picture's planes of them.
pub(crate) struct RgbMaker {
    maker: Maker,
    width: usize,
    /// The row before, when it waits for the second one of its pair.
    waiting: Vec<Pixel>,
    line: Vec<u8>,
    red: Vec<u8>,
}

impl RgbMaker {
    /// A picture of `width` x `height` pixels that becomes `size`, both as stored.
    pub(crate) fn new((width, height): (u32, u32), size: (u32, u32), orientation: Orientation) -> Self {
        let (x, y) = (f64::from(width), f64::from(height));
        let arriving = [(x, y), (x / 2.0, y / 2.0), (x / 2.0, y / 2.0)].map(Arriving::of);
        Self {
            maker: Maker::new(&arriving, size, orientation),
            width: width as usize,
            waiting: Vec::new(),
            line: Vec::new(),
            red: Vec::new(),
        }
    }

    /// Takes the next row.
    pub(crate) fn push(&mut self, row: &[Pixel]) {
        let row = row.get(..self.width).unwrap_or(row);
        self.line.clear();
        self.line.extend(row.iter().map(|&pixel| {
            let [luma, _, _] = to_components(pixel);
            luma
        }));
        self.maker.push(0, &self.line);
        if self.waiting.is_empty() {
            self.waiting.extend_from_slice(row);
        } else {
            self.push_chroma(row);
        }
    }

    /// Averages four pixels each of two rows.
    fn push_chroma(&mut self, second: &[Pixel]) {
        self.line.clear();
        self.red.clear();
        for (above, below) in self.waiting.chunks(2).zip(second.chunks(2)) {
            let mut sums = [0_u16; 3];
            for pixel in above.iter().chain(below) {
                for (sum, &sample) in sums.iter_mut().zip(pixel) {
                    *sum += u16::from(sample);
                }
            }
            let count = if above.len() == 2 { 4 } else { 2 };
            let mean = sums.map(|sum| u8::try_from((sum + count / 2) / count).unwrap_or(u8::MAX));
            let [_, blue, red] = to_components(mean);
            self.line.push(blue);
            self.red.push(red);
        }
        self.maker.push(1, &self.line);
        self.maker.push(2, &self.red);
        self.waiting.clear();
    }

    /// Returns the picture; all rows must have arrived.
    pub(crate) fn finish(mut self) -> Planes {
        if !self.waiting.is_empty() {
            let last = self.waiting.clone();
            self.push_chroma(&last);
        }
        self.maker.finish()
    }
}
