//! PNG: a walk over its chunks, and decoding to RGB on white, row by row.

use std::io::{BufRead, BufReader, Read, Seek};

use png::{BitDepth, ColorType, Decoder, DecodingError, Transformations};

use crate::error::MediaError;
use crate::format::PNG_SIGNATURE;
use crate::limits::PhotoLimits;
use crate::rgb::{Pixel, on_white};
use crate::structure::Structure;

/// An EXIF block above this length is not read: it is a hint, and not worth a large copy.
const EXIF_MOST: u32 = 1 << 20;

/// Walks the chunks up to IEND. The decoder checks the checksums.
pub(crate) fn walk(source: &mut (impl Read + Seek), limits: &PhotoLimits) -> Result<Structure, MediaError> {
    let mut source = BufReader::new(source);
    skip(&mut source, PNG_SIGNATURE.len() as u64)?;
    let (first, length) = chunk(&mut source)?;
    if first != *b"IHDR" || length != 13 {
        return Err(MediaError::corrupt("no header chunk"));
    }
    let [w3, w2, w1, w0, h3, h2, h1, h0, _, _, _, _, interlaced] = exactly::<13>(&mut source)?;
    let (width, height) = (
        u32::from_be_bytes([w3, w2, w1, w0]),
        u32::from_be_bytes([h3, h2, h1, h0]),
    );
    limits.check_size(width, height)?;
    exactly::<4>(&mut source)?;

    let mut exif = None;
    let mut data = false;
    loop {
        let (name, length) = chunk(&mut source)?;
        match &name {
            b"eXIf" if exif.is_none() && length <= EXIF_MOST => {
                let mut body = vec![0; length as usize];
                source.read_exact(&mut body).map_err(|error| failed(&error))?;
                exif = Some(body);
            }
            _ => skip(&mut source, u64::from(length))?,
        }
        exactly::<4>(&mut source)?;
        match &name {
            b"IEND" if data => break,
            b"IEND" => return Err(MediaError::corrupt("an end chunk before any picture")),
            b"IDAT" => data = true,
            _ => {}
        }
    }
    Ok(Structure {
        width,
        height,
        exif,
        padded: false,
        pixels_end: None,
        whole: interlaced != 0,
    })
}

/// Reads a chunk's name and the length of its body.
fn chunk(source: &mut impl Read) -> Result<([u8; 4], u32), MediaError> {
    let length = u32::from_be_bytes(exactly(source)?);
    let name = exactly(source)?;
    if length > i32::MAX.unsigned_abs() {
        return Err(MediaError::corrupt("a chunk longer than PNG allows"));
    }
    Ok((name, length))
}

fn exactly<const N: usize>(source: &mut impl Read) -> Result<[u8; N], MediaError> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes).map_err(|error| failed(&error))?;
    Ok(bytes)
}

/// Skips bytes that must be there. A seek beyond the end succeeds, and the next read then finds the end: a chunk is
/// always followed by its checksum.
fn skip<S: Read + Seek>(source: &mut BufReader<S>, length: u64) -> Result<(), MediaError> {
    source
        .seek_relative(length.cast_signed())
        .map_err(|error| failed(&error))
}

fn failed(error: &std::io::Error) -> MediaError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => MediaError::CutOff,
        _ => MediaError::unreadable(error),
    }
}

/// Decodes to rows of RGB pixels, which are given on as they come. `structure` must come from [`walk`], so that the
/// size is already within limits.
pub(crate) fn decode(
    source: &mut (impl BufRead + Seek),
    structure: &Structure,
    give: &mut dyn FnMut(&[Pixel]),
) -> Result<(), MediaError> {
    let mut decoder = Decoder::new(source);
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
    let width = structure.width as usize;
    let length = width * structure.height as usize * samples;
    if reader.output_buffer_size() != Some(length) {
        return Err(MediaError::corrupt("two sizes in one file"));
    }
    let mut line = vec![[0; 3]; width];
    let mut convert = |row: &[u8]| {
        for (to, from) in line.iter_mut().zip(row.chunks_exact(samples)) {
            *to = match *from {
                [grey] => [grey; 3],
                [red, green, blue] => [red, green, blue],
                [grey, alpha] => [on_white(grey, alpha); 3],
                [red, green, blue, alpha] => [
                    on_white(red, alpha),
                    on_white(green, alpha),
                    on_white(blue, alpha),
                ],
                _ => *to,
            };
        }
        give(&line);
    };
    if structure.whole {
        let mut buffer = vec![0; length];
        reader.next_frame(&mut buffer).map_err(refusal)?;
        buffer.chunks_exact(width * samples).for_each(convert);
        return Ok(());
    }
    let mut rows = 0;
    while let Some(row) = reader.next_row().map_err(refusal)? {
        convert(row.data());
        rows += 1;
    }
    if rows < structure.height {
        return Err(MediaError::CutOff);
    }
    reader.finish().map_err(refusal)
}

fn refusal(error: DecodingError) -> MediaError {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            MediaError::CutOff
        }
        other => MediaError::corrupt(other.to_string().chars().take(200).collect::<String>()),
    }
}
