//! A picture in memory: 8-bit RGB, and two operations on whole pictures, scaling and rotating.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::error::MediaError;
use crate::exif::Orientation;

/// Red, green, blue.
pub(crate) type Pixel = [u8; 3];

/// Rows of RGB pixels from the top, `width * height` of them.
pub(crate) struct Raster {
    width: u32,
    height: u32,
    pixels: Vec<Pixel>,
}

impl Raster {
    /// A black picture, as the target of decoding or scaling.
    pub(crate) fn black(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            pixels: vec![[0; 3]; width as usize * height as usize],
        }
    }

    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    pub(crate) fn height(&self) -> u32 {
        self.height
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.pixels.as_flattened()
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.pixels.as_flattened_mut()
    }

    pub(crate) fn pixels_mut(&mut self) -> &mut [Pixel] {
        &mut self.pixels
    }

    /// Returns the pixel at a position; `None` outside the picture.
    pub(crate) fn pixel_mut(&mut self, x: i32, y: i32) -> Option<&mut Pixel> {
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        if x >= self.width {
            return None;
        }
        self.pixels.get_mut(y as usize * self.width as usize + x as usize)
    }

    /// Returns this picture with its longer side at most `longest`; frees the large one.
    pub(crate) fn fitted(self, longest: u32) -> Result<Self, MediaError> {
        Ok(self.scaled_to(longest)?.unwrap_or(self))
    }

    /// Returns a smaller copy with its longer side exactly `longest`, or `None` when this picture is not longer than
    /// that.
    pub(crate) fn scaled_to(&self, longest: u32) -> Result<Option<Self>, MediaError> {
        let longest = longest.max(1);
        let side = self.width.max(self.height);
        if side <= longest {
            return Ok(None);
        }
        let scale = |length: u32| {
            let rounded = (u64::from(length) * u64::from(longest) + u64::from(side) / 2) / u64::from(side);
            u32::try_from(rounded).unwrap_or(longest).max(1)
        };
        let mut small = Self::black(scale(self.width), scale(self.height));
        let (width, height) = (small.width, small.height);
        let from = TypedImageRef::<U8x3>::from_buffer(self.width, self.height, self.bytes())
            .map_err(|error| MediaError::internal(error.to_string()))?;
        let mut to = TypedImage::<U8x3>::from_buffer(width, height, small.bytes_mut())
            .map_err(|error| MediaError::internal(error.to_string()))?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
        // `resize_typed`, not `resize`: the latter compiles all pixel types into this crate.
        Resizer::new()
            .resize_typed::<U8x3>(&from, &mut to, &options)
            .map_err(|error| MediaError::internal(error.to_string()))?;
        Ok(Some(small))
    }

    /// Returns this picture rotated upright.
    pub(crate) fn oriented(self, orientation: Orientation) -> Self {
        if orientation == Orientation::Upright {
            return self;
        }
        let (w, h) = (i64::from(self.width), i64::from(self.height));
        // Position of the new picture's top left pixel in the old one, and the offsets there of a step right and a
        // step down.
        let (start, right, down) = match orientation {
            Orientation::Upright => (0, 1, w),
            Orientation::Mirror => (w - 1, -1, w),
            Orientation::Turn180 => (w * h - 1, -1, -w),
            Orientation::Flip => ((h - 1) * w, 1, -w),
            Orientation::Transpose => (0, w, 1),
            Orientation::Turn90 => ((h - 1) * w, -w, 1),
            Orientation::Transverse => (w * h - 1, -w, -1),
            Orientation::Turn270 => (w - 1, w, -1),
        };
        let (width, height) = if orientation.swaps_sides() {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        };
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..i64::from(height) {
            for x in 0..i64::from(width) {
                let from = usize::try_from(start + x * right + y * down).unwrap_or(usize::MAX);
                pixels.push(self.pixels.get(from).copied().unwrap_or_default());
            }
        }
        Self {
            width,
            height,
            pixels,
        }
    }
}
