//! JPEG: a walk over its segments, strict decoding of what the stream decoder does not take, and the encoder of the
//! filed picture.
//!
//! Decoders are usually lenient: they fill missing data with grey. Evidence must not be half grey. A baseline picture
//! is complete when [`crate::baseline`] finds no missing block, with or without an end marker. For the others the walk
//! requires the end marker and all scans, decoding runs in strict mode, and the decoder does not get the end marker,
//! with which it would not report missing data (see [`decode`]).

use jpeg_encoder::{ChromaSubsamplingMethod, Encoder, ImageBuffer, JpegColorType, SamplingFactor};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::baseline::{self, FrameHead, OpenedJpeg, Size};
use crate::error::MediaError;
use crate::input::PhotoBytes;
use crate::limits::PhotoLimits;
use crate::planes::Planes;
use crate::rgb::Pixel;
use crate::scans::Scans;
use crate::structure::Structure;

/// Maximum number of scans, more than any encoder writes; each costs a pass over the whole picture.
const MAX_SCANS: u32 = 64;

const EXIF_HEADER: &[u8] = b"Exif\0\0";

/// Walks the segments up to the end marker. Data after it (motion photos, depth maps) is ignored. A baseline picture
/// without the marker is decoded: it is complete when no block is missing.
pub(crate) fn walk(bytes: &[u8], limits: &PhotoLimits) -> Result<Structure, MediaError> {
    let mut at = 2; // behind the start marker, which the format was told by
    let mut frame: Option<JpegFrame> = None;
    let mut exif = None;
    let mut padded = false;
    let mut scans = 0;
    let mut brought = Scans::default();

    loop {
        let marker = next_marker(bytes, &mut at, &mut padded)?;
        match marker {
            // Stuffing and markers without a body.
            0x00 | 0x01 | 0xD0..=0xD8 => continue,
            0xD9 => break,
            _ => {}
        }
        let body = segment(bytes, &mut at)?;
        match marker {
            0xC0..=0xC2 => {
                if frame.is_some() {
                    return Err(MediaError::corrupt("two frame headers"));
                }
                frame = Some(JpegFrame::read(body, marker == 0xC2, limits)?);
                brought = Scans::of(body);
            }
            0xC4 | 0xC8 | 0xCC => {}
            0xC3 | 0xC5..=0xCF => {
                return Err(MediaError::UnsupportedFormat {
                    format: "lossless or arithmetic JPEG",
                });
            }
            0xDA => {
                let Some(frame) = &frame else {
                    return Err(MediaError::corrupt("a scan before the frame header"));
                };
                // The decoder confuses the colours of such files, and no camera writes them.
                if !frame.progressive && body.first() != Some(&frame.components) {
                    return Err(MediaError::UnsupportedFormat {
                        format: "JPEG with a scan for each colour",
                    });
                }
                scans += 1;
                if scans > MAX_SCANS {
                    return Err(MediaError::corrupt("too many scans"));
                }
                if frame.progressive {
                    brought.note(body);
                    at = end_of_scan(bytes, at)?;
                    continue;
                }
                match end_of_scan(bytes, at) {
                    Ok(end) if matches!(bytes.get(end..end + 2), Some([0xFF, 0xD9])) => at = end,
                    ended => {
                        // Without an end marker only the blocks tell whether the picture is complete.
                        if !is_complete(bytes, limits)? {
                            return Err(ended.err().unwrap_or(MediaError::CutOff));
                        }
                        return Ok(frame.structure(exif.map(<[u8]>::to_vec), padded, None));
                    }
                }
            }
            0xE1 if exif.is_none() => exif = body.strip_prefix(EXIF_HEADER),
            _ => {}
        }
    }
    match frame {
        Some(frame) if scans > 0 => {
            if frame.progressive && !brought.are_complete() {
                return Err(MediaError::CutOff);
            }
            // The end marker is the two bytes before `at`.
            let pixels_end = (!frame.progressive).then_some(at - 2);
            Ok(frame.structure(exif.map(<[u8]>::to_vec), padded, pixels_end))
        }
        _ => Err(MediaError::corrupt("an end marker before any picture")),
    }
}

/// Decodes a baseline picture and drops its pixels. Returns false if the stream decoder does not take it.
fn is_complete(bytes: &[u8], limits: &PhotoLimits) -> Result<bool, MediaError> {
    let mut source = bytes;
    let mut input = PhotoBytes::new(&mut source);
    match baseline::open(&mut input, limits)? {
        OpenedJpeg::Streamed(frame) => {
            baseline::decode(&frame, [Size::One; 3], &mut input, &mut |_, _| Ok(()))?;
            Ok(true)
        }
        OpenedJpeg::Whole { .. } => Ok(false),
    }
}

/// The values of a frame header.
struct JpegFrame {
    width: u32,
    height: u32,
    progressive: bool,
    components: u8,
}

impl JpegFrame {
    fn structure(&self, exif: Option<Vec<u8>>, padded: bool, pixels_end: Option<usize>) -> Structure {
        Structure {
            width: self.width,
            height: self.height,
            exif,
            padded,
            pixels_end,
            whole: self.progressive,
        }
    }

    /// Parses a frame header and checks its size against the limits.
    fn read(body: &[u8], progressive: bool, limits: &PhotoLimits) -> Result<Self, MediaError> {
        let head = FrameHead::read(body, limits)?;
        Ok(Self {
            width: head.width,
            height: head.height,
            progressive,
            components: head.count,
        })
    }
}

/// Advances past the next marker and returns its code; records stray bytes before it.
fn next_marker(bytes: &[u8], at: &mut usize, padded: &mut bool) -> Result<u8, MediaError> {
    let rest = bytes.get(*at..).unwrap_or_default();
    let stray = rest
        .iter()
        .position(|&byte| byte == 0xFF)
        .ok_or(MediaError::CutOff)?;
    let fill = rest
        .iter()
        .skip(stray)
        .position(|&byte| byte != 0xFF)
        .ok_or(MediaError::CutOff)?;
    *padded |= stray > 0 || fill > 1;
    *at += stray + fill + 1;
    rest.get(stray + fill).copied().ok_or(MediaError::CutOff)
}

/// Reads a segment's body and advances past it.
fn segment<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], MediaError> {
    let Some(&[high, low]) = bytes.get(*at..*at + 2) else {
        return Err(MediaError::CutOff);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < 2 {
        return Err(MediaError::corrupt("a segment shorter than its own length field"));
    }
    let body = bytes.get(*at + 2..*at + length).ok_or(MediaError::CutOff)?;
    *at += length;
    Ok(body)
}

/// Finds the marker that ends the entropy-coded data after `from`: an FF followed by neither stuffing nor a restart.
fn end_of_scan(bytes: &[u8], from: usize) -> Result<usize, MediaError> {
    let mut at = from;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        at += rest
            .iter()
            .position(|&byte| byte == 0xFF)
            .ok_or(MediaError::CutOff)?;
        match bytes.get(at + 1) {
            None => return Err(MediaError::CutOff),
            Some(0x00 | 0xD0..=0xD7) => at += 2,
            Some(_) => return Ok(at),
        }
    }
}

/// Decodes to RGB. `structure` must come from [`walk`], so that the size is already within limits.
///
/// When the compressed data of a baseline picture is incomplete, the decoder continues silently if it has seen the
/// end marker, but reports an error at the end of the bytes. So it gets the bytes without the marker, and a few zeros
/// in its place for the bits that it reads ahead. (A truncation inside the last row of blocks, at most 16 lines,
/// stays undetected.)
pub(crate) fn decode(mut bytes: Vec<u8>, structure: &Structure) -> Result<Vec<Pixel>, MediaError> {
    const READ_AHEAD: [u8; 16] = [0; 16];
    if let Some(end) = structure.pixels_end {
        bytes.truncate(end);
        bytes.extend_from_slice(&READ_AHEAD);
    }
    let options = DecoderOptions::default()
        .set_strict_mode(!structure.padded)
        .set_max_width(structure.width as usize)
        .set_max_height(structure.height as usize)
        .jpeg_set_max_scans(MAX_SCANS as usize)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes.as_slice()), options);
    decoder.decode_headers().map_err(refusal)?;

    let mut pixels = vec![[0; 3]; structure.width as usize * structure.height as usize];
    let buffer = pixels.as_flattened_mut();
    if decoder.output_buffer_size() != Some(buffer.len()) {
        return Err(MediaError::UnsupportedFormat {
            format: "JPEG with an unusual number of channels",
        });
    }
    decoder.decode_into(buffer).map_err(refusal)?;
    Ok(pixels)
}

/// Distinguishes incomplete data from invalid data.
fn refusal(error: DecodeErrors) -> MediaError {
    match error {
        DecodeErrors::ExhaustedData
        | DecodeErrors::IoErrors(_)
        | DecodeErrors::FormatStatic("Premature end of buffer") => MediaError::CutOff,
        DecodeErrors::Unsupported(_) => MediaError::UnsupportedFormat {
            format: "this kind of JPEG",
        },
        other => MediaError::corrupt(other.to_string().chars().take(200).collect::<String>()),
    }
}

/// Encodes the filed picture: baseline 4:2:0. Does not use Huffman tables optimised for the picture: the encoder
/// would then write a scan per colour, which is legal, but which other decoders (and [`walk`]) do not expect.
pub(crate) fn encode(picture: &Planes, quality: u8) -> Result<Vec<u8>, MediaError> {
    let (Ok(width), Ok(height)) = (u16::try_from(picture.width), u16::try_from(picture.height)) else {
        return Err(MediaError::internal("a picture longer than JPEG allows"));
    };
    let mut jpeg = Vec::with_capacity(picture.width as usize * picture.height as usize / 5);
    let mut encoder = Encoder::new(&mut jpeg, quality.clamp(1, 100));
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    // The mean of four equal samples is the sample: the planes are written as they are.
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    let rows = EncoderRows {
        picture,
        width,
        height,
    };
    encoder
        .encode_image(rows)
        .map_err(|error| MediaError::internal(error.to_string()))?;
    Ok(jpeg)
}

/// Gives the encoder the rows of a picture; chroma samples are repeated, because it wants one for each pixel.
struct EncoderRows<'p> {
    picture: &'p Planes,
    width: u16,
    height: u16,
}

impl ImageBuffer for EncoderRows<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let [luma, blue, red] = &self.picture.planes;
        let [to_luma, to_blue, to_red, _] = buffers;
        to_luma.extend_from_slice(luma.row(usize::from(y)));
        for (plane, to) in [(blue, to_blue), (red, to_red)] {
            let row = plane.row(usize::from(y) / 2);
            let end = to.len() + usize::from(self.width);
            to.extend(row.iter().flat_map(|&sample| [sample; 2]));
            to.truncate(end);
        }
    }
}
