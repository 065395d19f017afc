//! The limits on a photo that are checked before any pixel is decoded.

use crate::error::MediaError;

/// What is taken at all. Checked on length and header, before any pixel is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhotoLimits {
    /// Longest file, in bytes.
    pub max_bytes: u64,
    /// Largest picture, width times height.
    pub max_pixels: u64,
    /// Longest side, in pixels; keeps out pictures like 60,000 x 1.
    pub max_side: u32,
}

impl Default for PhotoLimits {
    /// 40 MiB, 50 megapixels, 20,000 a side: above what a handset's camera makes, 150 MB decoded at worst.
    fn default() -> Self {
        Self {
            max_bytes: 40 * 1024 * 1024,
            max_pixels: 50_000_000,
            max_side: 20_000,
        }
    }
}

impl PhotoLimits {
    /// Refuses a size that a header promises.
    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), MediaError> {
        if width == 0 || height == 0 {
            return Err(MediaError::corrupt("a side of zero pixels"));
        }
        if u64::from(width) * u64::from(height) > self.max_pixels || width.max(height) > self.max_side {
            return Err(MediaError::TooManyPixels {
                width,
                height,
                max_pixels: self.max_pixels,
                max_side: self.max_side,
            });
        }
        Ok(())
    }
}
