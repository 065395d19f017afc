//! Determines the format and size of a file without decoding it.

use std::io::Cursor;

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
/// decodes nothing, except a baseline JPEG without that marker, whose blocks alone tell whether it is complete.
///
/// # Errors
/// All errors of [`prepare`] except [`MediaError::TooSmall`] and [`MediaError::Internal`], as far as the structure
/// shows them. Success does not prove that the compressed pixels are valid.
pub fn inspect(bytes: &[u8], limits: &PhotoLimits) -> Result<Info, MediaError> {
    let (format, structure) = structure_of(bytes, limits)?;
    let orientation = structure
        .exif
        .map(|raw| exif::read(&raw).orientation)
        .unwrap_or_default();
    Ok(Info {
        format,
        width: structure.width,
        height: structure.height,
        orientation,
    })
}

/// Checks length, format and structure, in this order: the cheapest check first.
fn structure_of(bytes: &[u8], limits: &PhotoLimits) -> Result<(Format, Structure), MediaError> {
    limits.check_length(bytes.len() as u64)?;
    let format = format::sniff(bytes)?;
    let structure = match format {
        Format::Jpeg => jpeg::walk(bytes, limits)?,
        Format::Png => png::walk(&mut Cursor::new(bytes), limits)?,
    };
    if structure.whole {
        limits.check_whole_length(bytes.len() as u64)?;
        limits.check_whole_size(structure.width, structure.height)?;
    }
    Ok((format, structure))
}
