//! Reads the required values of a photo's EXIF block leniently: a broken tag loses only its own value, because
//! cameras and editors write many tags that no standard defines.

use ::exif::{Exif, In, Rational, Reader, Tag, Value};

/// How a stored picture must be rotated or mirrored to be upright: EXIF tag 274, named by the operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    /// 1: no operation.
    #[default]
    Upright,
    /// 2: mirror left to right.
    Mirror,
    /// 3: rotate by 180 degrees.
    Turn180,
    /// 4: flip top to bottom.
    Flip,
    /// 5: mirror along the diagonal from top left.
    Transpose,
    /// 6: rotate clockwise by 90 degrees. Written by a handset in portrait position.
    Turn90,
    /// 7: mirror along the diagonal from top right.
    Transverse,
    /// 8: rotate clockwise by 270 degrees.
    Turn270,
}

impl Orientation {
    /// Converts the EXIF value; values out of range count as upright, as in every viewer.
    #[must_use]
    pub fn from_exif(value: u32) -> Self {
        match value {
            2 => Self::Mirror,
            3 => Self::Turn180,
            4 => Self::Flip,
            5 => Self::Transpose,
            6 => Self::Turn90,
            7 => Self::Transverse,
            8 => Self::Turn270,
            _ => Self::Upright,
        }
    }

    /// Returns whether the operation swaps width and height.
    #[must_use]
    pub fn swaps_sides(self) -> bool {
        matches!(
            self,
            Self::Transpose | Self::Turn90 | Self::Transverse | Self::Turn270
        )
    }
}

/// The position that a camera wrote into its photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gps {
    /// Latitude in 1e-7 degrees, north positive, within +-90 degrees.
    pub latitude_e7: i32,
    /// Longitude in 1e-7 degrees, east positive, within +-180 degrees.
    pub longitude_e7: i32,
    /// `GPSMapDatum` as stated (`WGS-84`, ...). `None` when absent: EXIF then implies WGS-84, but some handsets sold
    /// in China write GCJ-02, so the caller must not assume WGS-84.
    pub datum: Option<String>,
}

/// All values read from one EXIF block.
#[derive(Clone, Default)]
pub(crate) struct ExifFacts {
    pub(crate) orientation: Orientation,
    pub(crate) taken_at: Option<String>,
    pub(crate) gps: Option<Gps>,
}

/// Reads a raw EXIF block (TIFF). An unreadable block gives no values and never an error: the picture is still
/// usable.
pub(crate) fn read(raw: &[u8]) -> ExifFacts {
    // A TIFF block in a JPEG is at most 64 KiB; a PNG may contain one of any length, and a hint is not worth copying
    // a large one.
    if raw.len() > 1 << 20 {
        return ExifFacts::default();
    }
    let parsed = Reader::new()
        .continue_on_error(true)
        .read_raw(raw.to_vec())
        .or_else(|error| error.distill_partial_result(|_| ()));
    let Ok(exif) = parsed else {
        return ExifFacts::default();
    };
    ExifFacts {
        orientation: exif
            .get_field(Tag::Orientation, In::PRIMARY)
            .and_then(|field| field.value.get_uint(0))
            .map(Orientation::from_exif)
            .unwrap_or_default(),
        taken_at: time(&exif),
        gps: position(&exif),
    }
}

/// Returns a short printable ASCII value, trimmed; `None` for any other value.
fn text(exif: &Exif, tag: Tag) -> Option<String> {
    let Value::Ascii(parts) = &exif.get_field(tag, In::PRIMARY)?.value else {
        return None;
    };
    let value = std::str::from_utf8(parts.first()?)
        .ok()?
        .trim_matches(['\0', ' ']);
    let printable = value.bytes().all(|byte| matches!(byte, 0x20..=0x7E));
    (printable && !value.is_empty() && value.len() <= 64).then(|| value.to_owned())
}

/// Returns the time of the picture. A camera whose clock was never set writes zeros or spaces, which are no time.
fn time(exif: &Exif) -> Option<String> {
    let text = text(exif, Tag::DateTimeOriginal)?;
    let numbers: Option<Vec<u32>> = text
        .split([':', '-', '/', ' ', 'T'])
        .map(|number| number.parse().ok())
        .collect();
    match numbers?.as_slice() {
        [1..=9999, 1..=12, 1..=31, 0..=23, 0..=59, 0..=60] => Some(text),
        _ => None,
    }
}

/// Returns the position. A camera without a fix writes (0, 0), which is a place in the Atlantic and here no value.
fn position(exif: &Exif) -> Option<Gps> {
    let gps = Gps {
        latitude_e7: angle(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, ["N", "S"], 90.0)?,
        longitude_e7: angle(exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, ["E", "W"], 180.0)?,
        datum: text(exif, Tag::GPSMapDatum),
    };
    ((gps.latitude_e7, gps.longitude_e7) != (0, 0)).then_some(gps)
}

/// Converts degrees, minutes and seconds with a hemisphere to 1e-7 degrees. `None` if a component is missing.
fn angle(exif: &Exif, tag: Tag, reference: Tag, [plus, minus]: [&str; 2], limit: f64) -> Option<i32> {
    let Value::Rational(parts) = &exif.get_field(tag, In::PRIMARY)?.value else {
        return None;
    };
    let hemisphere = text(exif, reference)?;
    let sign = match hemisphere.as_str() {
        h if h == plus => 1.0,
        h if h == minus => -1.0,
        _ => return None,
    };
    let number = |part: &Rational| (part.denom != 0).then(|| part.to_f64());
    let degrees = match parts.as_slice() {
        [d] => number(d)?,
        [d, m] => number(d)? + number(m)? / 60.0,
        [d, m, s, ..] => number(d)? + number(m)? / 60.0 + number(s).unwrap_or(0.0) / 3600.0,
        [] => return None,
    };
    if !(0.0..=limit).contains(&degrees) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 180e7 by the check above, which fits an i32"
    )]
    Some((sign * degrees * 1e7).round() as i32)
}
