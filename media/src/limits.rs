//! The limits on a photo that are checked before any pixel is decoded.

use crate::error::MediaError;

/// Which photos are accepted. Checked on length and header, before any pixel is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhotoLimits {
    /// Maximum length of the file in bytes.
    pub max_bytes: u64,
    /// Maximum size of the picture, width times height.
    pub max_pixels: u64,
    /// Maximum length of a side in pixels; excludes pictures like 60,000 x 1.
    pub max_side: u32,
}

impl Default for PhotoLimits {
    /// 40 MiB, 50 megapixels, 20,000 pixels a side: above what a handset's camera produces; at most 150 MB decoded.
    fn default() -> Self {
        Self {
            max_bytes: 40 * 1024 * 1024,
            max_pixels: 50_000_000,
            max_side: 20_000,
        }
    }
}

impl PhotoLimits {
    /// Returns an error if the size stated in a header exceeds the limits.
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
