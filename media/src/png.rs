//! PNG: a walk over its chunks, and decoding to RGB on white.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, DecodingError, Transformations};

use crate::error::MediaError;
use crate::format::PNG_SIGNATURE;
use crate::limits::PhotoLimits;
use crate::raster::Raster;
use crate::structure::Structure;

/// Walks the chunks up to IEND. The decoder checks the checksums.
pub(crate) fn walk<'a>(bytes: &'a [u8], limits: &PhotoLimits) -> Result<Structure<'a>, MediaError> {
    let mut at = PNG_SIGNATURE.len();
    let (first, header) = chunk(bytes, &mut at)?;
    let (b"IHDR", &[w3, w2, w1, w0, h3, h2, h1, h0, _, _, _, _, _]) = (first, header) else {
        return Err(MediaError::corrupt("no header chunk"));
    };
    let (width, height) = (
        u32::from_be_bytes([w3, w2, w1, w0]),
        u32::from_be_bytes([h3, h2, h1, h0]),
    );
    limits.check_size(width, height)?;

    let mut exif = None;
    let mut data = false;
    loop {
        match chunk(bytes, &mut at)? {
            (b"IEND", _) if data => {
                return Ok(Structure {
                    width,
                    height,
                    exif,
                    padded: false,
                    pixels_end: None,
                });
            }
            (b"IEND", _) => return Err(MediaError::corrupt("an end chunk before any picture")),
            (b"IDAT", _) => data = true,
            (b"eXIf", body) if exif.is_none() => exif = Some(body),
            _ => {}
        }
    }
}

/// Reads a chunk's name and body and advances past it.
fn chunk<'a>(bytes: &'a [u8], at: &mut usize) -> Result<(&'a [u8; 4], &'a [u8]), MediaError> {
    let rest = bytes.get(*at..).unwrap_or_default();
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(MediaError::CutOff)?;
    let (name, rest) = rest.split_first_chunk::<4>().ok_or(MediaError::CutOff)?;
    let length = u32::from_be_bytes(*length);
    if length > i32::MAX.unsigned_abs() {
        return Err(MediaError::corrupt("a chunk longer than PNG allows"));
    }
    let length = length as usize;
    let body = rest.get(..length).ok_or(MediaError::CutOff)?;
    // Four bytes of checksum follow the body.
    if rest.len() < length + 4 {
        return Err(MediaError::CutOff);
    }
    *at += 12 + length;
    Ok((name, body))
}

/// Decodes to RGB. `structure` must come from [`walk`], so that the size is already within limits.
pub(crate) fn decode(bytes: &[u8], structure: &Structure<'_>) -> Result<Raster, MediaError> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(refusal)?;

    let samples = match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Eight) => 1,
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => 2,
        (ColorType::Rgb, BitDepth::Eight) => 3,
        (ColorType::Rgba, BitDepth::Eight) => 4,
        _ => {
            return Err(MediaError::UnsupportedFormat {
                format: "this kind of PNG",
            });
        }
    };
    let length = structure.width as usize * structure.height as usize * samples;
    if reader.output_buffer_size() != Some(length) {
        return Err(MediaError::corrupt("two sizes in one file"));
    }
    let mut raster = Raster::black(structure.width, structure.height);
    if samples == 3 {
        reader.next_frame(raster.bytes_mut()).map_err(refusal)?;
        return Ok(raster);
    }
    let mut buffer = vec![0; length];
    reader.next_frame(&mut buffer).map_err(refusal)?;
    for (to, from) in raster.pixels_mut().iter_mut().zip(buffer.chunks_exact(samples)) {
        *to = match *from {
            [grey] => [grey; 3],
            [grey, alpha] => [on_white(grey, alpha); 3],
            [red, green, blue, alpha] => [
                on_white(red, alpha),
                on_white(green, alpha),
                on_white(blue, alpha),
            ],
            _ => *to,
        };
    }
    Ok(raster)
}

/// Blends a transparent sample with a white background.
fn on_white(sample: u8, alpha: u8) -> u8 {
    let (sample, alpha) = (u32::from(sample), u32::from(alpha));
    u8::try_from((sample * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
}

fn refusal(error: DecodingError) -> MediaError {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            MediaError::CutOff
        }
        other => MediaError::corrupt(other.to_string().chars().take(200).collect::<String>()),
    }
}
