//! Detects formats by their first bytes and names the ones that are not accepted, so that a person who reads "HEIC is
//! not accepted" knows which camera setting to change.

use crate::error::MediaError;

/// An accepted format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Baseline, extended or progressive JPEG with 8 bits a sample.
    Jpeg,
    /// PNG of any colour type, depth and interlacing.
    Png,
}

const JPEG_START: &[u8] = &[0xFF, 0xD8, 0xFF];
pub(crate) const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Returns the format of `bytes`, or why it is not accepted.
pub(crate) fn sniff(bytes: &[u8]) -> Result<Format, MediaError> {
    if bytes.starts_with(JPEG_START) {
        return Ok(Format::Jpeg);
    }
    if bytes.starts_with(PNG_SIGNATURE) {
        return Ok(Format::Png);
    }
    // An incomplete signature: a picture that was truncated at its very start.
    if bytes.len() > 1 && (JPEG_START.starts_with(bytes) || PNG_SIGNATURE.starts_with(bytes)) {
        return Err(MediaError::CutOff);
    }
    match foreign(bytes) {
        Some(format) => Err(MediaError::UnsupportedFormat { format }),
        None => Err(MediaError::NotAnImage),
    }
}

/// Names a format that people do submit as a photo.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    let prefixes: [(&[u8], &'static str); 9] = [
        (b"GIF87a", "GIF"),
        (b"GIF89a", "GIF"),
        (b"II*\0", "TIFF or raw"),
        (b"MM\0*", "TIFF or raw"),
        (b"\xFF\x0A", "JPEG XL"),
        (b"\0\0\0\x0CJXL ", "JPEG XL"),
        (b"\0\0\0\x0CjP  ", "JPEG 2000"),
        (b"%PDF-", "PDF"),
        (b"8BPS", "PSD"),
    ];
    if let Some((_, name)) = prefixes.iter().find(|(prefix, _)| bytes.starts_with(prefix)) {
        return Some(name);
    }
    let tag = bytes.get(8..12);
    if bytes.starts_with(b"RIFF") {
        return (tag == Some(b"WEBP")).then_some("WebP");
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some(match tag {
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => "HEIC",
            Some(b"avif" | b"avis") => "AVIF",
            _ => "video",
        });
    }
    // "BM" alone begins many texts, so also check the header length that every bitmap contains.
    let bitmap = bytes.starts_with(b"BM")
        && matches!(bytes.get(14..18), Some([12 | 40 | 52 | 56 | 108 | 124, 0, 0, 0]));
    bitmap.then_some("BMP")
}
