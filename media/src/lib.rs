//! The photo pipeline: bytes in, evidence out.
//!
//! [`prepare`] turns what a camera or a gallery gave into the one file that is filed: upright, at most
//! [`Options::longest_side`] pixels long, with time and place burnt in ([`Stamp`]), free of the original's metadata,
//! hashed, with a thumbnail beside it. [`inspect`] tells what a file is without decoding a pixel; the server uses it
//! to refuse what is no photo.
//!
//! Promises:
//! - **No I/O, no clock.** Plain data in and out. The caller says what the stamp reads, so that a time that is not yet
//!   trusted (本机时间) is marked as such by who knows it.
//! - **Limits come before decoding.** A 60-megapixel header costs no 60-megapixel buffer.
//! - **A cut-off file is an error**, never a picture with a grey lower half.
//! - **Hostile bytes never panic**; every refusal is a [`MediaError`] with a stable code.
//! - **Deterministic.** The same build on the same kind of processor gives the same bytes for the same input, so an
//!   interrupted intake can be run again.
//! - **One large buffer.** The picture is decoded once to 8-bit RGB (3 bytes a pixel), scaled at once, and everything
//!   else happens on the small copy. (Progressive JPEGs also need their coefficients while decoding.)
//! - **Nothing of the original but its pixels** reaches the output: no EXIF, no GPS, no maker notes. What the record
//!   needs of them, [`Prepared::taken_at`] and [`Prepared::gps`], is handed back as data.

mod error;
mod exif;
mod format;
mod jpeg;
mod png;
mod raster;
mod stamp;

use sha2::{Digest, Sha256};

pub use error::MediaError;
pub use exif::{Gps, Orientation};
pub use format::Format;
pub use stamp::Stamp;

/// What is taken at all. Checked on length and header, before any pixel is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest file, in bytes.
    pub max_bytes: u64,
    /// Largest picture, width times height.
    pub max_pixels: u64,
    /// Longest side, in pixels; keeps out pictures like 60,000 x 1.
    pub max_side: u32,
}

impl Default for Limits {
    /// 40 MiB, 50 megapixels, 20,000 a side: above what a handset's camera makes, 150 MB decoded at worst.
    fn default() -> Self {
        Self {
            max_bytes: 40 * 1024 * 1024,
            max_pixels: 50_000_000,
            max_side: 20_000,
        }
    }
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Longest side of the filed picture in pixels; smaller originals are never enlarged.
    pub longest_side: u32,
    /// JPEG quality, 1 to 100, of picture and thumbnail.
    pub quality: u8,
    /// Longest side of the thumbnail in pixels.
    pub thumbnail_side: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            longest_side: 1600,
            quality: 80,
            thumbnail_side: 320,
        }
    }
}

/// A photo ready to be filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The filed picture: JPEG, upright, stamped, without metadata.
    pub jpeg: Vec<u8>,
    /// SHA-256 of [`jpeg`](Self::jpeg): the name under which the record and the server know this photo.
    pub sha256: [u8; 32],
    /// Width of the filed picture.
    pub width: u32,
    /// Height of the filed picture.
    pub height: u32,
    /// A small JPEG of the same picture for lists. Not stamped: at this size a stamp would hide and say nothing.
    pub thumbnail: Vec<u8>,
    /// SHA-256 of the bytes that came in, so that an original kept elsewhere can be proven to be this one.
    pub original_sha256: [u8; 32],
    /// EXIF `DateTimeOriginal` as the camera wrote it (`2026:11:22 08:15:03`, the handset's own clock, no zone). A
    /// hint to compare with, never the record's time.
    pub taken_at: Option<String>,
    /// EXIF position, in the datum the file states. A hint as well: galleries and editors can write anything here.
    pub gps: Option<Gps>,
}

/// What a file is, by its structure alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// The file's format.
    pub format: Format,
    /// Width as stored, before [`orientation`](Self::orientation) is applied.
    pub width: u32,
    /// Height as stored, before [`orientation`](Self::orientation) is applied.
    pub height: u32,
    /// How the stored picture must be turned to stand upright.
    pub orientation: Orientation,
}

impl Info {
    /// Width and height as a viewer sees them.
    #[must_use]
    pub fn upright_size(&self) -> (u32, u32) {
        if self.orientation.swaps_sides() {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        }
    }
}

/// A file's structure, walked once; what both [`inspect`] and [`prepare`] stand on.
struct Structure<'a> {
    width: u32,
    height: u32,
    /// The raw EXIF block (TIFF), if there is one.
    exif: Option<&'a [u8]>,
    /// Stray bytes between segments: legal enough to be read, but a strict decoder would refuse them.
    padded: bool,
    /// Where a baseline JPEG's compressed pixels end.
    pixels_end: Option<usize>,
}

/// Says what `bytes` are, by walking their structure from the first byte to the picture's end marker; decodes nothing.
///
/// # Errors
/// All of [`prepare`]'s but [`MediaError::TooSmall`] and [`MediaError::Internal`], as far as structure shows them.
/// Passing does not prove that the compressed pixels are sound.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<Info, MediaError> {
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

/// Makes the filed picture of `bytes`: checks, decodes, scales, turns upright, burns the stamp in, encodes, hashes.
///
/// Costs about 0.2 s of processor time and 3 bytes of memory a pixel for a 12-megapixel JPEG.
///
/// # Errors
/// A [`MediaError`] says why the photo was refused; nothing partial is ever returned.
pub fn prepare(
    bytes: &[u8],
    limits: &Limits,
    stamp: &Stamp,
    options: &Options,
) -> Result<Prepared, MediaError> {
    let (format, structure) = structure_of(bytes, limits)?;
    let facts = structure.exif.map(exif::read).unwrap_or_default();

    let full = match format {
        Format::Jpeg => jpeg::decode(bytes, &structure)?,
        Format::Png => png::decode(bytes, &structure)?,
    };
    let mut picture = full.fitted(options.longest_side)?.oriented(facts.orientation);
    let thumbnail = picture.scaled_to(options.thumbnail_side)?;
    stamp.burn_into(&mut picture)?;

    let jpeg = jpeg::encode(&picture, options.quality)?;
    Ok(Prepared {
        sha256: Sha256::digest(&jpeg).into(),
        width: picture.width(),
        height: picture.height(),
        thumbnail: jpeg::encode(thumbnail.as_ref().unwrap_or(&picture), options.quality)?,
        original_sha256: Sha256::digest(bytes).into(),
        taken_at: facts.taken_at,
        gps: facts.gps,
        jpeg,
    })
}

/// Length, format and structure, in this order: the cheapest refusal first.
fn structure_of<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(Format, Structure<'a>), MediaError> {
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

impl Limits {
    /// Refuses a size that a header promises.
    fn check_size(&self, width: u32, height: u32) -> Result<(), MediaError> {
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
