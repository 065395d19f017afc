//! Every reason to refuse a photo, each with its code; and cheap checks run before expensive ones.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use common::{Picture, no_stamp, prepare, refusal, stamp};
use media::{MediaError, PhotoLimits, PrepareOptions};

#[test]
fn zero_bytes_are_refused_as_empty() {
    assert_eq!(refusal(b""), "photo.empty");
}

#[test]
fn a_file_over_the_byte_limit_is_refused_whatever_it_is() {
    let limits = PhotoLimits {
        max_bytes: 1000,
        ..PhotoLimits::default()
    };
    let error = media::inspect(&[0; 1001], &limits).unwrap_err();
    assert_eq!(
        error,
        MediaError::TooLarge {
            bytes: 1001,
            max: 1000
        }
    );
    assert_eq!(error.code(), "photo.too_large");
}

/// A start marker and a frame header that states a size, then nothing: if anything except the header were read, the
/// result would be "cut off".
fn jpeg_header(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8];
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
    bytes
}

fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

#[test]
fn field_14_limits_are_above_the_cameras_of_today_and_are_checked_by_the_header() {
    assert_eq!(refusal(&jpeg_header(20_000, 16_000)), "photo.too_many_pixels");
    assert_eq!(refusal(&png_header(20_000, 16_000)), "photo.too_many_pixels");
    assert_eq!(refusal(&png_header(u32::MAX, u32::MAX)), "photo.too_many_pixels");
    // Cameras of 12, 50, 64, 108 and 200 megapixels: read further, and the file ends there.
    for (width, height) in [
        (4_000, 3_000),
        (8_160, 6_144),
        (9_248, 6_936),
        (12_000, 9_000),
        (16_384, 12_288),
    ] {
        assert_eq!(refusal(&jpeg_header(width, height)), "photo.cut_off");
        assert_eq!(refusal(&png_header(width.into(), height.into())), "photo.cut_off");
    }
}

#[test]
fn field_14_a_large_picture_that_must_be_held_as_a_whole_is_refused_by_its_header() {
    let mut progressive = jpeg_header(6_000, 4_001);
    progressive[3] = 0xC2;
    let error = prepare(&progressive, &no_stamp()).unwrap_err();
    assert!(matches!(error, MediaError::TooLargeAsAWhole { .. }), "{error}");
    let mut smaller = jpeg_header(6_000, 4_000);
    smaller[3] = 0xC2;
    assert_eq!(refusal(&smaller), "photo.cut_off");
}

#[test]
fn a_side_over_the_limit_is_refused_even_with_few_pixels() {
    assert_eq!(refusal(&jpeg_header(60_000, 1)), "photo.too_many_pixels");
}

#[test]
fn a_file_that_is_not_a_picture_is_refused_as_such() {
    for bytes in [
        &b"hello, this is a text"[..],
        b"\0",
        b"\xFF",
        b"{\"photo\":1}",
        b"BMW is a car, no bitmap",
        &[0; 4096],
    ] {
        assert_eq!(refusal(bytes), "photo.not_an_image", "{bytes:?}");
    }
}

#[test]
fn pictures_of_other_formats_are_refused_by_name() {
    let named = [
        (&b"GIF89a\x01\0\x01\0"[..], "GIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "video"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
        (b"II*\0\x08\0\0\0", "TIFF or raw"),
        (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "BMP"),
        (b"%PDF-1.7", "PDF"),
    ];
    for (bytes, name) in named {
        let refused = media::inspect(bytes, &PhotoLimits::default()).unwrap_err();
        assert_eq!(refused.code(), "photo.unsupported_format");
        assert!(refused.to_string().starts_with(name), "{refused}");
        // Some of them are decoded by the feature `gallery-formats`; these are only their first bytes.
        if !cfg!(feature = "gallery-formats") || ["HEIC", "AVIF", "video", "PDF"].contains(&name) {
            assert_eq!(refusal(bytes), "photo.unsupported_format");
        }
    }
    let arithmetic = [
        &[0xFF, 0xD8, 0xFF, 0xC9, 0, 11, 8, 0, 9, 0, 9, 1, 1, 0x11, 0][..],
        &[0xFF, 0xD9],
    ]
    .concat();
    assert_eq!(refusal(&arithmetic), "photo.unsupported_format");
}

#[test]
fn field_16_a_jpeg_truncated_anywhere_before_its_end_marker_is_refused() {
    for progressive in [false, true] {
        let whole = Picture::busy(320, 240).jpeg(None, progressive);
        assert!(prepare(&whole, &no_stamp()).is_ok());
        for kept in (2..whole.len()).step_by(whole.len() / 200) {
            assert_eq!(
                refusal(&whole[..kept]),
                "photo.cut_off",
                "{kept} of {} bytes kept",
                whole.len()
            );
        }
        // Without its last byte of compressed data too.
        assert_eq!(refusal(&whole[..whole.len() - 3]), "photo.cut_off");
    }
}

#[test]
fn a_truncated_jpeg_with_an_appended_end_marker_is_refused() {
    let whole = Picture::busy(320, 240).jpeg(None, false);
    for percent in 20..100 {
        let mut glued = whole[..whole.len() * percent / 100].to_vec();
        glued.extend([0xFF, 0xD9]);
        let code = refusal(&glued);
        assert!(
            matches!(code, "photo.cut_off" | "photo.corrupt"),
            "{percent} %: {code}"
        );
    }
}

/// As some handsets write their panoramas: the picture, then the maker's data without an end marker between.
#[test]
fn field_16_a_complete_picture_without_an_end_marker_is_accepted_whatever_follows() {
    let whole = Picture::busy(320, 240).jpeg(None, false);
    let expected = prepare(&whole, &no_stamp()).unwrap();
    let picture = &whole[..whole.len() - 2];
    let noise: Vec<u8> = (0..5_000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for trailer in [
        &b""[..],
        b"\xFF",
        b"\xFF\xFF",
        b"\0\0\x01\x0Aimage info SEFT",
        b"\xFF\xDA\0\x02",
        b"\xFF\xE1\xFF\xFF",
        &noise,
    ] {
        let bytes = [picture, trailer].concat();
        let prepared = prepare(&bytes, &no_stamp()).unwrap();
        assert_eq!(prepared.sha256, expected.sha256);
        let info = media::inspect(&bytes, &PhotoLimits::default()).unwrap();
        assert_eq!((info.width, info.height), (320, 240));
    }
    // A block is missing: the maker's data may be taken for compressed data, and is never taken for a complete picture
    // when it cannot be.
    let missing = &whole[..whole.len() * 3 / 4];
    for trailer in [&b""[..], b"\xFF", b"\xFF\xD9", b"\xFF\xE1\xFF\xFF"] {
        assert_eq!(refusal(&[missing, trailer].concat()), "photo.cut_off");
        let inspected = media::inspect(&[missing, trailer].concat(), &PhotoLimits::default());
        assert!(inspected.is_err() || trailer == b"\xFF\xD9");
    }
}

#[test]
fn field_16_a_progressive_picture_without_its_last_scans_is_refused() {
    let whole = Picture::busy(320, 240).jpeg(None, true);
    assert!(prepare(&whole, &no_stamp()).is_ok());
    let scans: Vec<usize> = (0..whole.len() - 1)
        .filter(|&at| whole[at..at + 2] == [0xFF, 0xDA])
        .collect();
    assert!(scans.len() > 3);
    for &scan in &scans[1..] {
        let shortened = [&whole[..scan], &[0xFF, 0xD9]].concat();
        assert_eq!(refusal(&shortened), "photo.cut_off");
        assert!(media::inspect(&shortened, &PhotoLimits::default()).is_err());
    }
}

#[test]
fn a_scan_per_colour_is_refused_because_its_colours_would_be_wrong() {
    let picture = Picture::corners(192, 96);
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 80);
    encoder.set_optimized_huffman_tables(true);
    encoder
        .encode(&picture.rgb, 192, 96, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    assert_eq!(refusal(&bytes), "photo.unsupported_format");
}

#[test]
fn a_png_truncated_anywhere_is_refused() {
    let whole = Picture::busy(200, 100).png();
    assert!(prepare(&whole, &no_stamp()).is_ok());
    for kept in (2..whole.len()).step_by(whole.len() / 200) {
        assert_eq!(
            refusal(&whole[..kept]),
            "photo.cut_off",
            "{kept} of {} bytes kept",
            whole.len()
        );
    }
}

#[test]
fn a_damaged_file_is_refused_as_corrupt() {
    let mut png = Picture::busy(200, 100).png();
    let middle = png.len() / 2;
    png[middle] ^= 0x55;
    assert_eq!(refusal(&png), "photo.corrupt");

    assert_eq!(refusal(&[0xFF, 0xD8, 0xFF, 0xD9]), "photo.corrupt");
    assert_eq!(refusal(&[0xFF, 0xD8, 0xFF, 0xE0, 0, 1, 0, 0]), "photo.corrupt");
    assert_eq!(refusal(&jpeg_header(0, 100)), "photo.corrupt");
    assert_eq!(refusal(&png_header(100, 0)), "photo.corrupt");
}

#[test]
fn a_picture_too_small_for_its_stamp_is_refused() {
    let tiny = Picture::plain(40, 30, [90; 3]).jpeg(None, false);
    assert_eq!(prepare(&tiny, &stamp()).unwrap_err().code(), "photo.too_small");
    assert!(prepare(&tiny, &no_stamp()).is_ok());
}

#[test]
fn inspect_returns_format_size_and_truncation_without_decoding() {
    let photo = Picture::corners(120, 80).jpeg(Some(&common::exif_block(6, false)), false);
    let info = media::inspect(&photo, &PhotoLimits::default()).unwrap();
    assert_eq!(
        (info.format, info.width, info.height),
        (media::Format::Jpeg, 120, 80)
    );
    assert_eq!(info.orientation, media::Orientation::Turn90);
    assert_eq!(info.upright_size(), (80, 120));
    let cut = media::inspect(&photo[..photo.len() - 10], &PhotoLimits::default());
    assert_eq!(cut.unwrap_err(), MediaError::CutOff);
}

#[test]
fn options_out_of_range_are_clamped() {
    let photo = Picture::corners(120, 80).jpeg(None, false);
    let options = PrepareOptions {
        longest_side: 0,
        quality: 0,
        thumbnail_side: 0,
        shorter_side: 0,
        max_pixels: 0,
        spare_font: None,
    };
    let prepared = media::prepare(&photo, &PhotoLimits::default(), &no_stamp(), &options).unwrap();
    assert_eq!((prepared.width, prepared.height), (1, 1));
}
