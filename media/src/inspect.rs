//! Determines the format and size of a file without decoding it.

use crate::error::MediaError;
use crate::exif::{self, Orientation};
use crate::format::{self, Format};
use crate::limits::PhotoLimits;
use crate::structure::Structure;
use crate::{jpeg, png};

/// Format and size of a file, from its structure alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// The file's format.
    pub format: Format,
    /// Width as stored, before [`orientation`](Self::orientation) is applied.
    pub width: u32,
    /// Height as stored, before [`orientation`](Self::orientation) is applied.
    pub height: u32,
    /// How the stored picture must be rotated or mirrored to be upright.
    pub orientation: Orientation,
}

impl Info {
    /// Returns width and height as a viewer shows them.
    #[must_use]
    pub fn upright_size(&self) -> (u32, u32) {
        if self.orientation.swaps_sides() {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        }
    }
}

/// Reads format and size of `bytes` by walking their structure from the first byte to the picture's end marker;
/// decodes nothing.
///
/// # Errors
/// All errors of [`prepare`] except [`MediaError::TooSmall`] and [`MediaError::Internal`], as far as the structure
/// shows them. Success does not prove that the compressed pixels are valid.
pub fn inspect(bytes: &[u8], limits: &PhotoLimits) -> Result<Info, MediaError> {
    let (format, structure) = structure_of(bytes, limits)?;
    let orientation = structure
        .exif
        .map(|raw| exif::read(raw).orientation)
        .unwrap_or_default();
    Ok(Info {
        format,
        width: structure.width,
        height: structure.height,
        orientation,
    })
}

/// Checks length, format and structure, in this order: the cheapest check first.
pub(crate) fn structure_of<'a>(
    bytes: &'a [u8],
    limits: &PhotoLimits,
) -> Result<(Format, Structure<'a>), MediaError> {
    if bytes.is_empty() {
        return Err(MediaError::Empty);
    }
    let length = bytes.len() as u64;
    if length > limits.max_bytes {
        return Err(MediaError::TooLarge {
            bytes: length,
            max: limits.max_bytes,
        });
    }
    let format = format::sniff(bytes)?;
    let structure = match format {
        Format::Jpeg => jpeg::walk(bytes, limits)?,
        Format::Png => png::walk(bytes, limits)?,
    };
    Ok((format, structure))
}
