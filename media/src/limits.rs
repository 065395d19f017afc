//! The limits on a photo that are checked before any pixel is decoded.

use crate::error::MediaError;

/// Which photos are accepted. Checked on length and header, before any pixel is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhotoLimits {
    /// Maximum length of the file in bytes.
    pub max_bytes: u64,
    /// Maximum size of the picture, width times height.
    pub max_pixels: u64,
    /// Maximum length in bytes of a file that must be held in memory as a whole; see [`Self::max_whole_pixels`].
    pub max_whole_bytes: u64,
    /// Maximum size of a picture that must be held in memory as a whole: progressive, CMYK or interlaced, and every
    /// format besides JPEG and PNG.
    pub max_whole_pixels: u64,
    /// Maximum length of a side in pixels; excludes pictures like 60,000 x 1.
    pub max_side: u32,
}

impl Default for PhotoLimits {
    /// 160 MiB, 256 megapixels, 40,000 pixels a side: above the largest that a handset's camera produces (200
    /// megapixels) and the longest panorama. What must be held as a whole: 40 MiB and 24 megapixels, at most 72 MB
    /// decoded.
    fn default() -> Self {
        Self {
            max_bytes: 160 * 1024 * 1024,
            max_pixels: 256_000_000,
            max_whole_bytes: 40 * 1024 * 1024,
            max_whole_pixels: 24_000_000,
            max_side: 40_000,
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

    /// Returns an error if a picture of this size must not be held as a whole.
    pub(crate) fn check_whole_size(&self, width: u32, height: u32) -> Result<(), MediaError> {
        if u64::from(width) * u64::from(height) > self.max_whole_pixels {
            return Err(MediaError::TooLargeAsAWhole {
                width,
                height,
                max_pixels: self.max_whole_pixels,
            });
        }
        Ok(())
    }

    /// Returns an error if a file of this length is not accepted.
    pub(crate) fn check_length(&self, length: u64) -> Result<(), MediaError> {
        if length == 0 {
            return Err(MediaError::Empty);
        }
        if length > self.max_bytes {
            return Err(MediaError::TooLarge {
                bytes: length,
                max: self.max_bytes,
            });
        }
        Ok(())
    }

    /// Returns an error if a file of this length must not be held as a whole.
    pub(crate) fn check_whole_length(&self, length: u64) -> Result<(), MediaError> {
        if length > self.max_whole_bytes {
            return Err(MediaError::TooLarge {
                bytes: length,
                max: self.max_whole_bytes,
            });
        }
        Ok(())
    }
}
