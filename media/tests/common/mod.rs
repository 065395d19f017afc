//! Pictures for the tests: small, asymmetric, with any EXIF, or broken on purpose.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

use std::io::Cursor;

use exif::experimental::Writer;
use exif::{Field, In, Rational, Tag, Value};
use jpeg_encoder::{ColorType, Encoder};
use media::{MediaError, PhotoLimits, PrepareOptions, PreparedPhoto, Stamp};

/// Width, height and RGB bytes.
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub rgb: Vec<u8>,
}

impl Picture {
    pub fn from_fn(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Self {
        let rgb = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| colour(x, y))
            .collect();
        Self { width, height, rgb }
    }

    pub fn plain(width: u32, height: u32, colour: [u8; 3]) -> Self {
        Self::from_fn(width, height, |_, _| colour)
    }

    /// Four corners in four colours: no two of the eight orientations are equal.
    pub fn corners(width: u32, height: u32) -> Self {
        Self::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
            (true, true) => RED,
            (false, true) => GREEN,
            (true, false) => BLUE,
            (false, false) => YELLOW,
        })
    }

    /// A deterministic picture with detail everywhere.
    pub fn busy(width: u32, height: u32) -> Self {
        Self::from_fn(width, height, |x, y| {
            let mixed = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503))
                .rotate_left(13)
                .wrapping_mul(97);
            [
                (x / 3 + y / 5) as u8,
                (y / 2) as u8 ^ (x / 7) as u8,
                (mixed >> 24) as u8 / 4 + 90,
            ]
        })
    }

    pub fn at(&self, x: u32, y: u32) -> [u8; 3] {
        let from = (y * self.width + x) as usize * 3;
        [self.rgb[from], self.rgb[from + 1], self.rgb[from + 2]]
    }

    pub fn jpeg(&self, exif: Option<&[u8]>, progressive: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 92);
        encoder.set_progressive(progressive);
        if let Some(exif) = exif {
            encoder.add_exif_metadata(exif).unwrap();
        }
        encoder
            .encode(&self.rgb, self.width as u16, self.height as u16, ColorType::Rgb)
            .unwrap();
        bytes
    }

    pub fn png(&self) -> Vec<u8> {
        png_of(self.width, self.height, png::ColorType::Rgb, &self.rgb, None)
    }
}

pub fn png_of(width: u32, height: u32, kind: png::ColorType, samples: &[u8], exif: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut info = png::Info::with_size(width, height);
    info.color_type = kind;
    info.bit_depth = png::BitDepth::Eight;
    info.exif_metadata = exif.map(|raw| raw.to_vec().into());
    let mut writer = png::Encoder::with_info(&mut bytes, info)
        .unwrap()
        .write_header()
        .unwrap();
    writer.write_image_data(samples).unwrap();
    drop(writer);
    bytes
}

pub const RED: [u8; 3] = [220, 30, 30];
pub const GREEN: [u8; 3] = [30, 200, 40];
pub const BLUE: [u8; 3] = [30, 40, 220];
pub const YELLOW: [u8; 3] = [230, 220, 30];

/// An EXIF block with an orientation, a time and, if requested, a position in Changchun.
pub fn exif_block(orientation: u16, gps: bool) -> Vec<u8> {
    exif_with(
        orientation,
        "2026:11:22 08:15:03",
        gps.then_some([(43, 51, 3600), (125, 18, 5436)]),
    )
}

/// An EXIF block with this time, and latitude and longitude in degrees, minutes and hundredths of seconds.
pub fn exif_with(orientation: u16, time: &str, gps: Option<[(u32, u32, u32); 2]>) -> Vec<u8> {
    let field = |tag, value| Field {
        tag,
        ifd_num: In::PRIMARY,
        value,
    };
    let ascii = |text: &str| Value::Ascii(vec![text.as_bytes().to_vec()]);
    let angle = |(d, m, s100)| {
        Value::Rational(vec![
            Rational::from((d, 1)),
            Rational::from((m, 1)),
            Rational::from((s100, 100)),
        ])
    };
    let mut fields = vec![
        field(Tag::Make, ascii("MakerOfHandsets")),
        field(Tag::Orientation, Value::Short(vec![orientation])),
        field(Tag::DateTimeOriginal, ascii(time)),
    ];
    if let Some([latitude, longitude]) = gps {
        fields.push(field(Tag::GPSLatitudeRef, ascii("N")));
        fields.push(field(Tag::GPSLatitude, angle(latitude)));
        fields.push(field(Tag::GPSLongitudeRef, ascii("E")));
        fields.push(field(Tag::GPSLongitude, angle(longitude)));
        fields.push(field(Tag::GPSMapDatum, ascii("WGS-84")));
    }
    let mut writer = Writer::new();
    for field in &fields {
        writer.push_field(field);
    }
    let mut block = Cursor::new(Vec::new());
    writer.write(&mut block, false).unwrap();
    block.into_inner()
}

/// Decodes the output again, with the strict decoder.
pub fn decoded(jpeg: &[u8]) -> Picture {
    use zune_jpeg::zune_core::{bytestream::ZCursor, options::DecoderOptions};
    let options = DecoderOptions::default().set_strict_mode(true);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let rgb = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    Picture {
        width: width as u32,
        height: height as u32,
        rgb,
    }
}

pub fn stamp() -> Stamp {
    Stamp {
        lines: vec![
            "2026-11-22 08:15:03 本机时间".into(),
            "220104-05-03-17 桂林路街道 ±8 米".into(),
        ],
    }
}

pub fn no_stamp() -> Stamp {
    Stamp::default()
}

pub fn prepare(bytes: &[u8], stamp: &Stamp) -> Result<PreparedPhoto, MediaError> {
    media::prepare(bytes, &PhotoLimits::default(), stamp, &PrepareOptions::default())
}

/// The code with which both `inspect` and `prepare` refuse, or that of `prepare` alone when the structure does not
/// show the fault.
pub fn refusal(bytes: &[u8]) -> &'static str {
    let code = prepare(bytes, &no_stamp()).map(|_| "taken").unwrap_err().code();
    if let Err(error) = media::inspect(bytes, &PhotoLimits::default()) {
        assert_eq!(error.code(), code);
    }
    code
}
