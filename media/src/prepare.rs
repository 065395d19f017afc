//! Makes the filed picture of a photo: checks, decodes, scales, rotates, stamps, encodes, hashes.

use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};

use crate::baseline::{self, Frame, OpenedJpeg, Size};
use crate::error::MediaError;
use crate::exif::{self, ExifFacts, Gps, Orientation};
use crate::fonts::SpareFont;
use crate::format::{self, Format};
#[cfg(feature = "gallery-formats")]
use crate::gallery::{self, Kind};
use crate::input::PhotoBytes;
use crate::limits::PhotoLimits;
use crate::planes::{Arriving, Maker, Planes};
use crate::rgb::RgbMaker;
use crate::stamp::Stamp;
use crate::{jpeg, png};

/// Parameters of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrepareOptions {
    /// Longest side of the filed picture in pixels; smaller originals are never enlarged.
    pub longest_side: u32,
    /// Shorter side that a long picture keeps (a panorama, a long screenshot), so that its contents stay legible:
    /// its longer side then exceeds [`longest_side`](Self::longest_side).
    pub shorter_side: u32,
    /// Maximum size of the filed picture, width times height, whatever the sides say.
    pub max_pixels: u64,
    /// JPEG quality, 1 to 100, of picture and thumbnail.
    pub quality: u8,
    /// Longest side of the thumbnail in pixels.
    pub thumbnail_side: u32,
    /// A font for characters of the stamp that the embedded one lacks.
    pub spare_font: Option<SpareFont>,
}

impl Default for PrepareOptions {
    fn default() -> Self {
        Self {
            longest_side: 1600,
            shorter_side: 720,
            max_pixels: 8_000_000,
            quality: 80,
            thumbnail_side: 320,
            spare_font: None,
        }
    }
}

impl PrepareOptions {
    /// The size of the filed picture for an original of this size.
    fn target(&self, width: u32, height: u32) -> (u32, u32) {
        let (long, short) = (f64::from(width.max(height)), f64::from(width.min(height)));
        let wanted = f64::from(self.longest_side.max(1)) / long;
        let legible = f64::from(self.shorter_side) / short;
        #[expect(clippy::cast_precision_loss, reason = "a bound")]
        let bound = (self.max_pixels.max(1) as f64 / (long * short)).sqrt();
        fitted((width, height), wanted.max(legible).min(bound))
    }
}

/// A size that is scaled, but never enlarged.
fn fitted((width, height): (u32, u32), scale: f64) -> (u32, u32) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most the length itself"
    )]
    let side = |length: u32| ((f64::from(length) * scale.min(1.0)).round() as u32).max(1);
    (side(width), side(height))
}

/// A photo ready to be filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedPhoto {
    /// The filed picture: JPEG, upright, stamped, without metadata.
    pub jpeg: Vec<u8>,
    /// SHA-256 of [`jpeg`](Self::jpeg): record and server identify the photo by it.
    pub sha256: [u8; 32],
    /// Width of the filed picture.
    pub width: u32,
    /// Height of the filed picture.
    pub height: u32,
    /// A small JPEG of the same picture for lists. Not stamped: at this size a stamp would cover the picture and be
    /// illegible.
    pub thumbnail: Vec<u8>,
    /// SHA-256 of the input bytes, to prove later that an original kept elsewhere is the source of this photo.
    pub original_sha256: [u8; 32],
    /// EXIF `DateTimeOriginal` as the camera wrote it (`2026:11:22 08:15:03`, the handset's own clock, no zone). A
    /// hint for comparison, never the record's time. `None` for dates that no calendar has, such as zeros.
    pub taken_at: Option<String>,
    /// EXIF position, in the datum that the file states. Only a hint: galleries and editors can write any value here.
    /// `None` for (0, 0), which cameras write without a fix.
    pub gps: Option<Gps>,
}

/// Makes the filed picture of `bytes`, as [`prepare_from`] does.
///
/// # Errors
/// As [`prepare_from`].
pub fn prepare(
    bytes: &[u8],
    limits: &PhotoLimits,
    stamp: &Stamp,
    options: &PrepareOptions,
) -> Result<PreparedPhoto, MediaError> {
    prepare_from(Cursor::new(bytes), limits, stamp, options)
}

/// Makes the filed picture of a file: checks, decodes, scales, rotates it upright, burns the stamp in, encodes,
/// hashes. The source is read from its start, whatever its position is.
///
/// Memory: a baseline JPEG or a PNG is decoded row by row and neither file nor picture is held; about 6 MiB for the
/// result. Others are held as a whole, 3 bytes a pixel, and have limits of their own ([`PhotoLimits`]).
///
/// # Errors
/// A [`MediaError`] with the reason why the photo was refused; a partial result is never returned.
pub fn prepare_from(
    mut source: impl Read + Seek,
    limits: &PhotoLimits,
    stamp: &Stamp,
    options: &PrepareOptions,
) -> Result<PreparedPhoto, MediaError> {
    let original = read(&mut source, limits, options)?;
    let mut picture = original.picture;
    let (width, height) = (picture.width, picture.height);
    let thumbnail_scale = f64::from(options.thumbnail_side.max(1)) / f64::from(width.max(height));
    let thumbnail_size = fitted((width, height), thumbnail_scale);
    let thumbnail = if thumbnail_size == (width, height) {
        jpeg::encode(&picture, options.quality)?
    } else {
        jpeg::encode(&picture.scaled(thumbnail_size), options.quality)?
    };
    stamp.burn_into(&mut picture, options.spare_font.as_ref())?;

    let jpeg = jpeg::encode(&picture, options.quality)?;
    Ok(PreparedPhoto {
        sha256: Sha256::digest(&jpeg).into(),
        width,
        height,
        thumbnail,
        original_sha256: original.sha256,
        taken_at: original.facts.taken_at,
        gps: original.facts.gps,
        jpeg,
    })
}

/// What was read of the file: its picture, scaled and upright.
pub(crate) struct Original {
    pub(crate) picture: Planes,
    facts: ExifFacts,
    sha256: [u8; 32],
}

/// What a file can be read from.
pub(crate) trait SeekableRead: Read + Seek {}
impl<T: Read + Seek> SeekableRead for T {}

/// Reads a file's picture, scaled to `options` and upright.
pub(crate) fn read(
    mut source: &mut dyn SeekableRead,
    limits: &PhotoLimits,
    options: &PrepareOptions,
) -> Result<Original, MediaError> {
    let failed = |error| MediaError::unreadable(&error);
    let length = source.seek(SeekFrom::End(0)).map_err(failed)?;
    limits.check_length(length)?;
    source.rewind().map_err(failed)?;
    let mut input = PhotoBytes::new(&mut source);
    let format = format::sniff(input.peek(64));
    input.check()?;
    match format {
        #[cfg(feature = "gallery-formats")]
        Err(MediaError::UnsupportedFormat { format: named }) if let Some(kind) = Kind::of(named) => {
            let bytes = whole(source, length, limits)?;
            return from_gallery(kind, &bytes, limits, options);
        }
        Err(refused) => return Err(refused),
        Ok(Format::Jpeg) => match baseline::open(&mut input, limits)? {
            OpenedJpeg::Streamed(frame) => {
                let facts = frame.exif.as_deref().map(exif::read).unwrap_or_default();
                let picture = streamed(&frame, &mut input, facts.orientation, options)?;
                let sha256 = input.finish()?;
                return Ok(Original {
                    picture,
                    facts,
                    sha256,
                });
            }
            OpenedJpeg::Whole { size } => {
                if let Some((width, height)) = size {
                    limits.check_whole_size(width, height)?;
                }
            }
        },
        Ok(Format::Png) => return png(source, length, limits, options),
    }
    jpeg_as_a_whole(whole(source, length, limits)?, limits, options)
}

/// Reads the whole file.
fn whole(source: &mut dyn SeekableRead, length: u64, limits: &PhotoLimits) -> Result<Vec<u8>, MediaError> {
    let failed = |error| MediaError::unreadable(&error);
    limits.check_whole_length(length)?;
    source.rewind().map_err(failed)?;
    let mut bytes = Vec::new();
    let read = source.take(limits.max_whole_bytes).read_to_end(&mut bytes);
    read.map_err(failed)?;
    Ok(bytes)
}

/// Decodes a picture that no camera wrote.
#[cfg(feature = "gallery-formats")]
fn from_gallery(
    kind: Kind,
    bytes: &[u8],
    limits: &PhotoLimits,
    options: &PrepareOptions,
) -> Result<Original, MediaError> {
    let gallery = gallery::decode(kind, bytes, limits)?;
    let (width, height) = gallery.size;
    let facts = gallery.facts.clone();
    let mut maker = RgbMaker::new((width, height), options.target(width, height), facts.orientation);
    gallery.give(|row| maker.push(row));
    Ok(Original {
        picture: maker.finish(),
        facts,
        sha256: Sha256::digest(bytes).into(),
    })
}

/// Decodes a baseline JPEG row by row, at the largest reduction that still has the pixels of the result.
fn streamed(
    frame: &Frame,
    input: &mut PhotoBytes<'_>,
    orientation: Orientation,
    options: &PrepareOptions,
) -> Result<Planes, MediaError> {
    let (width, height) = options.target(frame.width, frame.height);
    let suffices = |size: &Size| {
        let side = |length: u32| (u64::from(length) * u64::from(size.samples())).div_ceil(8);
        side(frame.width) >= u64::from(width) && side(frame.height) >= u64::from(height)
    };
    let size = Size::ALL.into_iter().find(suffices).unwrap_or(Size::Eight);
    // The result has half the chroma: chroma in full needs only half the samples.
    let mut sizes = [size; 3];
    let mut arriving = Vec::new();
    for (index, (component, own)) in frame.components.iter().zip(&mut sizes).enumerate() {
        if index > 0 && frame.is_full(component) {
            *own = size.halved();
        }
        let scale = f64::from(own.samples()) / 8.0;
        let (x, y) = frame.extent(component);
        arriving.push(Arriving::of((x * scale, y * scale)));
    }
    let mut maker = Maker::new(&arriving, (width, height), orientation);
    baseline::decode(frame, sizes, input, &mut |component, row| {
        maker.push(component, row);
        Ok(())
    })?;
    Ok(maker.finish())
}

/// Decodes a JPEG that the stream decoder does not take.
fn jpeg_as_a_whole(
    bytes: Vec<u8>,
    limits: &PhotoLimits,
    options: &PrepareOptions,
) -> Result<Original, MediaError> {
    let structure = jpeg::walk(&bytes, limits)?;
    let (width, height) = (structure.width, structure.height);
    limits.check_whole_size(width, height)?;
    let facts = structure.exif.as_deref().map(exif::read).unwrap_or_default();
    let sha256 = Sha256::digest(&bytes).into();
    let pixels = jpeg::decode(bytes, &structure)?;
    let mut maker = RgbMaker::new((width, height), options.target(width, height), facts.orientation);
    pixels
        .chunks_exact(width as usize)
        .for_each(|row| maker.push(row));
    Ok(Original {
        picture: maker.finish(),
        facts,
        sha256,
    })
}

/// Decodes a PNG row by row; an interlaced one as a whole.
fn png(
    source: &mut dyn SeekableRead,
    length: u64,
    limits: &PhotoLimits,
    options: &PrepareOptions,
) -> Result<Original, MediaError> {
    let failed = |error| MediaError::unreadable(&error);
    let mut source = BufReader::new(source);
    source.rewind().map_err(failed)?;
    let structure = png::walk(&mut source, limits)?;
    let (width, height) = (structure.width, structure.height);
    if structure.whole {
        limits.check_whole_length(length)?;
        limits.check_whole_size(width, height)?;
    }
    let facts = structure.exif.as_deref().map(exif::read).unwrap_or_default();
    let mut maker = RgbMaker::new((width, height), options.target(width, height), facts.orientation);
    source.rewind().map_err(failed)?;
    png::decode(&mut source, &structure, &mut |row| maker.push(row))?;
    source.rewind().map_err(failed)?;
    let mut source = source.into_inner();
    Ok(Original {
        picture: maker.finish(),
        facts,
        sha256: PhotoBytes::new(&mut source).finish()?,
    })
}
