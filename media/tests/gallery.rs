//! Pictures that no camera wrote: the same care, the same limits, by name when they are refused.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use std::io::Cursor;

use common::{BLUE, GREEN, Picture, RED, YELLOW, decoded, no_stamp, prepare, stamp};
use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};
use media::{MediaError, PhotoLimits, PrepareOptions};

const FORMATS: [ImageFormat; 4] = [
    ImageFormat::WebP,
    ImageFormat::Gif,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
];

fn encoded(picture: &Picture, format: ImageFormat) -> Vec<u8> {
    let rgb = RgbImage::from_raw(picture.width, picture.height, picture.rgb.clone()).unwrap();
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(rgb).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn near(ours: [u8; 3], wanted: [u8; 3]) -> bool {
    ours.iter()
        .zip(wanted)
        .all(|(ours, wanted)| ours.abs_diff(wanted) <= 14)
}

fn has_corners(out: &Picture) -> bool {
    let (right, bottom) = (out.width * 3 / 4, out.height * 3 / 4);
    let (left, top) = (out.width / 4, out.height / 4);
    near(out.at(left, top), RED)
        && near(out.at(right, top), GREEN)
        && near(out.at(left, bottom), BLUE)
        && near(out.at(right, bottom), YELLOW)
}

#[test]
fn field_17_pictures_of_four_more_formats_are_prepared() {
    for format in FORMATS {
        let bytes = encoded(&Picture::corners(2000, 1000), format);
        let prepared = prepare(&bytes, &stamp()).unwrap();
        assert_eq!((prepared.width, prepared.height), (1600, 800), "{format:?}");
        let bare = decoded(&prepare(&bytes, &no_stamp()).unwrap().jpeg);
        assert!(has_corners(&bare), "{format:?}");
        assert!(has_corners(&decoded(&prepared.thumbnail)), "{format:?}");
    }
    // Written by libwebp from four coloured corners, lossy; the others above are lossless.
    let lossy = prepare(include_bytes!("files/corners-lossy.webp"), &no_stamp()).unwrap();
    assert!(has_corners(&decoded(&lossy.jpeg)));
}

#[test]
fn field_17_a_transparent_picture_is_put_on_white() {
    let clear = RgbaImage::from_pixel(64, 64, image::Rgba([200, 0, 0, 0]));
    for format in [ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Tiff] {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(clear.clone())
            .write_to(&mut bytes, format)
            .unwrap();
        let out = decoded(&prepare(&bytes.into_inner(), &no_stamp()).unwrap().jpeg);
        assert!(near(out.at(30, 30), [255; 3]), "{format:?}");
    }
}

#[test]
fn field_17_a_truncated_picture_of_another_format_is_refused() {
    for format in FORMATS {
        let whole = encoded(&Picture::busy(300, 200), format);
        for percent in [5, 20, 50, 80, 95] {
            let kept = &whole[..whole.len() * percent / 100];
            let refused = prepare(kept, &no_stamp()).map(|_| ()).unwrap_err();
            assert!(
                !matches!(
                    refused,
                    MediaError::Internal { .. } | MediaError::Unreadable { .. }
                ),
                "{format:?}, {percent} %: {refused}"
            );
        }
    }
}

#[test]
fn field_17_limits_hold_before_a_picture_of_another_format_is_decoded() {
    let limits = PhotoLimits {
        max_whole_pixels: 50_000,
        ..PhotoLimits::default()
    };
    let short = PhotoLimits {
        max_whole_bytes: 100,
        ..PhotoLimits::default()
    };
    for format in FORMATS {
        let bytes = encoded(&Picture::corners(300, 200), format);
        let refused = |limits| {
            media::prepare(&bytes, limits, &no_stamp(), &PrepareOptions::default())
                .unwrap_err()
                .code()
        };
        assert_eq!(refused(&limits), "photo.too_many_pixels", "{format:?}");
        assert_eq!(refused(&short), "photo.too_large", "{format:?}");
    }
}

/// A raw file begins like a TIFF whose first picture is a small preview: that is no photo of the place.
#[test]
fn field_17_a_raw_file_is_refused_and_not_replaced_by_its_preview() {
    let tiff = encoded(&Picture::corners(160, 120), ImageFormat::Tiff);
    assert!(prepare(&tiff, &no_stamp()).is_ok());
    let directory = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    // Another tag in place of the first one: pictures inside, the version of DNG, a reduced picture.
    for tag in [0x014A_u16, 0xC612, 0x00FE] {
        let mut raw = tiff.clone();
        raw[directory + 2..directory + 4].copy_from_slice(&tag.to_le_bytes());
        raw[directory + 10] = 1;
        let refused = prepare(&raw, &no_stamp()).unwrap_err();
        assert_eq!(refused, MediaError::UnsupportedFormat { format: "raw" });
    }
}

#[test]
fn field_17_only_what_is_filed_passes_inspection() {
    for format in FORMATS {
        let bytes = encoded(&Picture::corners(64, 64), format);
        let refused = media::inspect(&bytes, &PhotoLimits::default()).unwrap_err();
        assert_eq!(refused.code(), "photo.unsupported_format", "{format:?}");
    }
}
