//! A part of a picture in 8-bit RGB: what the stamp is drawn into.

use crate::planes::Planes;
use crate::rgb::{Pixel, to_components, to_rgb};

/// Rows of RGB pixels from the top; its left and top edge are at even positions of the picture.
pub(crate) struct StampArea {
    left: usize,
    top: usize,
    width: usize,
    pixels: Vec<Pixel>,
}

impl StampArea {
    /// Copies the part of a picture that holds the rectangle, which may extend over the picture's edges.
    pub(crate) fn of(picture: &Planes, [left, top, right, bottom]: [i32; 4]) -> Self {
        let within = |value: i32, most: u32| usize::try_from(value).unwrap_or(0).min(most as usize);
        let (left, top) = (within(left, picture.width) & !1, within(top, picture.height) & !1);
        let (right, bottom) = (within(right, picture.width), within(bottom, picture.height));
        let width = right.saturating_sub(left);
        let [luma, blue, red] = &picture.planes;
        let mut pixels = Vec::with_capacity(width * bottom.saturating_sub(top));
        for y in top..bottom {
            pixels.extend(
                (left..left + width)
                    .map(|x| to_rgb([luma.at(x, y), blue.at(x / 2, y / 2), red.at(x / 2, y / 2)])),
            );
        }
        Self {
            left,
            top,
            width,
            pixels,
        }
    }

    /// Returns the pixel at a position of the picture; `None` outside this part.
    pub(crate) fn pixel_mut(&mut self, x: i32, y: i32) -> Option<&mut Pixel> {
        let x = usize::try_from(x).ok()?.checked_sub(self.left)?;
        let y = usize::try_from(y).ok()?.checked_sub(self.top)?;
        if x >= self.width {
            return None;
        }
        self.pixels.get_mut(y * self.width + x)
    }

    /// Writes this part back; the colour of four pixels becomes their mean.
    pub(crate) fn put(&self, picture: &mut Planes) {
        let [luma, blue, red] = &mut picture.planes;
        for (y, row) in (self.top..).zip(self.pixels.chunks(self.width.max(1))) {
            let start = y * luma.width + self.left;
            let to = luma.samples.get_mut(start..start + row.len()).unwrap_or_default();
            for (to, &pixel) in to.iter_mut().zip(row) {
                let [y, _, _] = to_components(pixel);
                *to = y;
            }
        }
        for (y, rows) in (self.top / 2..).zip(self.pixels.chunks(2 * self.width.max(1))) {
            let (above, below) = rows.split_at(self.width.min(rows.len()));
            let below = if below.is_empty() { above } else { below };
            for (x, (above, below)) in (self.left / 2..).zip(above.chunks(2).zip(below.chunks(2))) {
                let mut sums = [0_i32; 2];
                let mut count = 0;
                for &pixel in above.iter().chain(below) {
                    let [_, cb, cr] = to_components(pixel);
                    sums = [sums[0] + i32::from(cb), sums[1] + i32::from(cr)];
                    count += 1;
                }
                for (plane, sum) in [&mut *blue, &mut *red].into_iter().zip(sums) {
                    if let Some(to) = plane.samples.get_mut(y * plane.width + x) {
                        *to = u8::try_from((sum + count / 2) / count.max(1)).unwrap_or(128);
                    }
                }
            }
        }
    }
}
