//! Pictures that are no photos of a camera, by the crate `image`: WebP, GIF (its first frame), BMP and TIFF. Decoded
//! as a whole, behind the same limits.

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, gif::GifDecoder, tiff::TiffDecoder, webp::WebPDecoder};
use image::{DynamicImage, ImageDecoder, ImageError, Limits};

use crate::error::MediaError;
use crate::exif::{self, ExifFacts};
use crate::limits::PhotoLimits;
use crate::rgb::{Pixel, on_white};

/// A picture that was decoded: its size, rows of pixels, and what it says about itself.
pub(crate) struct Gallery {
    pub(crate) size: (u32, u32),
    pub(crate) pixels: DynamicImage,
    pub(crate) facts: ExifFacts,
}

/// A format that this module takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    WebP,
    Gif,
    Bmp,
    Tiff,
}

impl Kind {
    /// By the name that [`format`](crate::format) gives a format.
    pub(crate) fn of(named: &str) -> Option<Self> {
        match named {
            "WebP" => Some(Self::WebP),
            "GIF" => Some(Self::Gif),
            "BMP" => Some(Self::Bmp),
            "TIFF or raw" => Some(Self::Tiff),
            _ => None,
        }
    }
}

/// Decodes a picture of a kind; checks its size before.
pub(crate) fn decode(kind: Kind, bytes: &[u8], limits: &PhotoLimits) -> Result<Gallery, MediaError> {
    match kind {
        Kind::WebP => {
            // The decoder fills what is missing at the end of an animation or of metadata.
            let stated = bytes.get(4..8).and_then(|length| length.first_chunk::<4>());
            let stated = stated.map_or(0, |length| u64::from(u32::from_le_bytes(*length)));
            if stated + 8 > bytes.len() as u64 {
                return Err(MediaError::CutOff);
            }
            decoded(
                WebPDecoder::new(Cursor::new(bytes)).map_err(|e| refusal(&e))?,
                limits,
            )
        }
        Kind::Gif => decoded(
            GifDecoder::new(Cursor::new(bytes)).map_err(|e| refusal(&e))?,
            limits,
        ),
        Kind::Bmp => decoded(
            BmpDecoder::new(Cursor::new(bytes)).map_err(|e| refusal(&e))?,
            limits,
        ),
        Kind::Tiff => {
            if is_raw(bytes) {
                return Err(MediaError::UnsupportedFormat { format: "raw" });
            }
            decoded(
                TiffDecoder::new(Cursor::new(bytes)).map_err(|e| refusal(&e))?,
                limits,
            )
        }
    }
}

fn decoded(mut decoder: impl ImageDecoder, limits: &PhotoLimits) -> Result<Gallery, MediaError> {
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    limits.check_whole_size(width, height)?;
    let mut most = Limits::default();
    // Sixteen bits of four channels, once decoded and once while decoding.
    most.max_alloc = Some(limits.max_whole_pixels.saturating_mul(16));
    decoder.set_limits(most).map_err(|e| refusal(&e))?;
    let mut facts = match decoder.exif_metadata() {
        Ok(Some(raw)) => exif::read(&raw),
        // A hint that cannot be read loses only itself.
        _ => ExifFacts::default(),
    };
    if let Ok(orientation) = decoder.orientation() {
        facts.orientation = exif::Orientation::from_exif(u32::from(orientation.to_exif()));
    }
    let pixels = DynamicImage::from_decoder(decoder).map_err(|e| refusal(&e))?;
    Ok(Gallery {
        size: (width, height),
        pixels,
        facts,
    })
}

impl Gallery {
    /// Gives the rows of pixels, on white.
    pub(crate) fn give(self, mut give: impl FnMut(&[Pixel])) {
        let width = self.size.0 as usize;
        if self.pixels.color().has_alpha() {
            let rgba = self.pixels.into_rgba8();
            let mut line = Vec::with_capacity(width);
            for row in rgba.as_raw().as_chunks::<4>().0.chunks_exact(width.max(1)) {
                line.clear();
                line.extend(
                    row.iter().map(|&[r, g, b, alpha]| {
                        [on_white(r, alpha), on_white(g, alpha), on_white(b, alpha)]
                    }),
                );
                give(&line);
            }
        } else {
            let rgb = self.pixels.into_rgb8();
            rgb.as_raw()
                .as_chunks::<3>()
                .0
                .chunks_exact(width.max(1))
                .for_each(give);
        }
    }
}

/// Whether a TIFF is a camera's raw file: its first picture is then only a small preview.
fn is_raw(bytes: &[u8]) -> bool {
    /// Reduced picture; pictures inside; DNG's version.
    const OF_RAW: [u16; 3] = [0x00FE, 0x014A, 0xC612];
    let little = bytes.starts_with(b"II");
    let short = |at: usize| -> Option<u16> {
        let two = *bytes.get(at..)?.first_chunk::<2>()?;
        Some(if little {
            u16::from_le_bytes(two)
        } else {
            u16::from_be_bytes(two)
        })
    };
    let long = |at: usize| -> Option<u32> {
        let four = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(if little {
            u32::from_le_bytes(four)
        } else {
            u32::from_be_bytes(four)
        })
    };
    if bytes.get(8..10) == Some(b"CR") {
        return true;
    }
    let Some(directory) = long(4).and_then(|at| usize::try_from(at).ok()) else {
        return false;
    };
    let entries = usize::from(short(directory).unwrap_or(0));
    (0..entries).any(|index| {
        let at = directory + 2 + index * 12;
        let tag = short(at);
        // A whole picture states 0 in the first of them.
        let is_whole = tag == Some(0x00FE) && long(at + 8) == Some(0);
        tag.is_some_and(|tag| OF_RAW.contains(&tag)) && !is_whole
    })
}

fn refusal(error: &ImageError) -> MediaError {
    match error {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => MediaError::CutOff,
        ImageError::Unsupported(_) => MediaError::UnsupportedFormat {
            format: "this kind of picture",
        },
        other => MediaError::corrupt(other.to_string().chars().take(200).collect::<String>()),
    }
}
