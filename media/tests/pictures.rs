//! The output: upright, scaled, stamped, hashed, without metadata, the same every time.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use common::{BLUE, GREEN, Picture, RED, YELLOW, decoded, exif_block, no_stamp, png_of, prepare, stamp};
use media::{Gps, Stamp};
use sha2::{Digest, Sha256};

fn near(one: [u8; 3], other: [u8; 3]) -> bool {
    one.iter().zip(other).all(|(a, b)| a.abs_diff(b) < 24)
}

#[test]
fn all_eight_orientations_come_out_upright() {
    // For each EXIF value: the colours expected at top left, top right, bottom left and bottom right.
    let expected = [
        (1, [RED, GREEN, BLUE, YELLOW]),
        (2, [GREEN, RED, YELLOW, BLUE]),
        (3, [YELLOW, BLUE, GREEN, RED]),
        (4, [BLUE, YELLOW, RED, GREEN]),
        (5, [RED, BLUE, GREEN, YELLOW]),
        (6, [BLUE, RED, YELLOW, GREEN]),
        (7, [YELLOW, GREEN, BLUE, RED]),
        (8, [GREEN, YELLOW, RED, BLUE]),
        (0, [RED, GREEN, BLUE, YELLOW]),
        (9, [RED, GREEN, BLUE, YELLOW]),
    ];
    for (orientation, corners) in expected {
        let bytes = Picture::corners(192, 96).jpeg(Some(&exif_block(orientation, false)), false);
        let prepared = prepare(&bytes, &no_stamp()).unwrap();
        let size = if (5..=8).contains(&orientation) {
            (96, 192)
        } else {
            (192, 96)
        };
        assert_eq!(
            (prepared.width, prepared.height),
            size,
            "orientation {orientation}"
        );
        let out = decoded(&prepared.jpeg);
        assert_eq!((out.width, out.height), size, "orientation {orientation}");
        let (w, h) = size;
        let places = [
            (w / 4, h / 4),
            (w * 3 / 4, h / 4),
            (w / 4, h * 3 / 4),
            (w * 3 / 4, h * 3 / 4),
        ];
        for ((x, y), colour) in places.into_iter().zip(corners) {
            assert!(
                near(out.at(x, y), colour),
                "orientation {orientation} at {x},{y}: {:?}",
                out.at(x, y)
            );
        }
    }
}

#[test]
fn orientation_in_a_png_is_applied_too() {
    let picture = Picture::corners(120, 60);
    let bytes = png_of(
        120,
        60,
        png::ColorType::Rgb,
        &picture.rgb,
        Some(&exif_block(6, false)),
    );
    let prepared = prepare(&bytes, &no_stamp()).unwrap();
    assert_eq!((prepared.width, prepared.height), (60, 120));
    assert!(near(decoded(&prepared.jpeg).at(10, 10), BLUE));
}

#[test]
fn twelve_megapixels_become_1600_and_keep_their_shape_and_colours() {
    let bytes = Picture::corners(4000, 3000).jpeg(Some(&exif_block(6, true)), false);
    let prepared = prepare(&bytes, &stamp()).unwrap();
    assert_eq!((prepared.width, prepared.height), (1200, 1600));
    let out = decoded(&prepared.jpeg);
    assert!(near(out.at(300, 400), BLUE) && near(out.at(900, 400), RED) && near(out.at(900, 1000), GREEN));
    let thumbnail = decoded(&prepared.thumbnail);
    assert_eq!((thumbnail.width, thumbnail.height), (240, 320));
    assert!(near(thumbnail.at(60, 80), BLUE) && near(thumbnail.at(180, 310), GREEN));
}

#[test]
fn a_small_photo_is_never_enlarged() {
    let prepared = prepare(&Picture::corners(300, 200).jpeg(None, false), &stamp()).unwrap();
    assert_eq!((prepared.width, prepared.height), (300, 200));
    let thumbnail = decoded(&prepared.thumbnail);
    assert_eq!((thumbnail.width, thumbnail.height), (300, 200));
}

#[test]
fn field_15_a_long_picture_keeps_a_shorter_side_of_720_under_a_bound_on_pixels() {
    let size = |width, height| {
        let photo = Picture::plain(width, height, RED).jpeg(None, false);
        let prepared = prepare(&photo, &stamp()).unwrap();
        (prepared.width, prepared.height)
    };
    // A long screenshot, a panorama; a picture that is not long; one whose shorter side is below 720 already.
    assert_eq!(size(1080, 12_000), (720, 8_000));
    assert_eq!(size(9_600, 1_440), (4_800, 720));
    assert_eq!(size(3_200, 1_800), (1_600, 900));
    assert_eq!(size(4_000, 500), (4_000, 500));
    // So long that 720 would exceed the bound.
    let (width, height) = size(1_000, 16_000);
    assert!(width * height <= 8_001_000 && width >= 707, "{width} x {height}");
    let shorter = media::PrepareOptions {
        longest_side: 1600,
        shorter_side: 0,
        ..media::PrepareOptions::default()
    };
    let thin = Picture::plain(8000, 3, RED).jpeg(None, false);
    let prepared = media::prepare(&thin, &media::PhotoLimits::default(), &no_stamp(), &shorter).unwrap();
    assert_eq!((prepared.width, prepared.height), (1600, 1));
}

/// Counts pixels in the lower left quarter that are brighter and darker than a level.
fn counts(picture: &Picture, bright: u8, dark: u8) -> (usize, usize) {
    let mut found = (0, 0);
    for y in picture.height / 2..picture.height {
        for x in 0..picture.width {
            let pixel = picture.at(x, y);
            found.0 += usize::from(pixel.iter().all(|&sample| sample >= bright));
            found.1 += usize::from(pixel.iter().all(|&sample| sample <= dark));
        }
    }
    found
}

#[test]
fn the_stamp_is_bright_text_on_a_dark_panel_whatever_the_surroundings() {
    for (surroundings, name) in [([250; 3], "snow"), ([8; 3], "night"), ([128; 3], "grey")] {
        let photo = Picture::plain(1600, 1200, surroundings).jpeg(None, false);
        let out = decoded(&prepare(&photo, &stamp()).unwrap().jpeg);
        let bare = decoded(&prepare(&photo, &no_stamp()).unwrap().jpeg);
        // Inside the panel: white strokes, and around them no pixel lighter than grey 100.
        let panel = Picture::from_fn(600, 110, |x, y| out.at(x + 60, y + 1050));
        let (text, _) = counts(&panel, 225, 0);
        let (_, ground) = counts(&panel, 255, 100);
        assert!(text > 1200, "{name}: {text} bright pixels");
        assert!(ground > 15_000, "{name}: {ground} dark pixels");
        // The upper three quarters and the right edge are unchanged.
        for (x, y) in [(10, 10), (800, 600), (1590, 1190), (10, 900), (2, 1190)] {
            assert_eq!(out.at(x, y), bare.at(x, y), "{name} at {x},{y}");
        }
    }
}

/// Leftmost, rightmost, topmost and bottommost bright pixel of a stamp on black.
fn extent(picture: &Picture) -> (u32, u32, u32, u32) {
    let mut found = (u32::MAX, 0, u32::MAX, 0);
    for y in 0..picture.height {
        for x in 0..picture.width {
            if picture.at(x, y).iter().all(|&sample| sample > 140) {
                found = (found.0.min(x), found.1.max(x), found.2.min(y), found.3.max(y));
            }
        }
    }
    found
}

#[test]
fn long_lines_shrink_and_wrap_and_text_is_never_truncated() {
    let long = Stamp {
        lines: vec![
            "2026-11-22 08:15:03 本机时间".into(),
            "吉林省长春市朝阳区桂林路街道西康路社区，同志街与西康路交会处东北角人行道（靠近公交站）±8 米"
                .into(),
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                .into(),
        ],
    };
    for (width, height) in [(1600, 1200), (1200, 1600), (640, 480), (360, 480), (2000, 500)] {
        let photo = Picture::plain(width, height, [0; 3]).jpeg(None, false);
        let out = decoded(&prepare(&photo, &long).unwrap().jpeg);
        let (left, right, top, bottom) = extent(&out);
        assert!(
            left > 8 && right + 8 < out.width,
            "{width}x{height}: {left}..{right}"
        );
        assert!(
            top >= out.height / 2 && bottom + 4 < out.height,
            "{width}x{height}: {top}..{bottom}"
        );
    }
}

#[test]
fn a_character_the_font_lacks_is_a_visible_box() {
    let ink = |text: &str| {
        let photo = Picture::plain(800, 600, [0; 3]).jpeg(None, false);
        let out = decoded(
            &prepare(
                &photo,
                &Stamp {
                    lines: vec![text.into()],
                },
            )
            .unwrap()
            .jpeg,
        );
        counts(&out, 140, 0).0
    };
    let (bar_and_dot, with_box) = (ink("."), ink(".𠮷😀"));
    assert!(
        with_box > bar_and_dot + 60,
        "{bar_and_dot} bright pixels, {with_box} with two boxes"
    );
}

#[test]
fn field_04_a_character_the_font_lacks_is_printed_in_the_systems_font() {
    // A character of names that 通用规范汉字表 does not list.
    let name = "\u{20BB7}";
    assert_eq!(media::unprintable(name).unwrap(), ['\u{20BB7}']);
    let photo = Picture::plain(800, 600, [0; 3]).jpeg(None, false);
    let ink = |spare: Option<(&str, u32)>| {
        let spare_font = spare.map(|(path, face)| media::SpareFont {
            path: path.into(),
            face,
        });
        let options = media::PrepareOptions {
            spare_font,
            ..media::PrepareOptions::default()
        };
        let stamp = Stamp {
            lines: vec![format!(".{name}")],
        };
        let prepared = media::prepare(&photo, &media::PhotoLimits::default(), &stamp, &options).unwrap();
        counts(&decoded(&prepared.jpeg), 140, 0).0
    };
    let spare = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fonts/spare.ttc");
    let (boxed, printed) = (ink(None), ink(Some((spare, 1))));
    assert!(
        printed > boxed + 150,
        "{boxed} bright pixels of a box, {printed} of the glyph"
    );
    // A face without it, a face that is not there, a file that is no font, and none: a box, and the photo is taken.
    for (path, face) in [(spare, 0), (spare, 7), (file!(), 0), ("/nowhere.ttc", 0)] {
        assert_eq!(ink(Some((path, face))), boxed, "{path} {face}");
    }
}

#[test]
fn the_font_has_every_character_of_a_stamp() {
    let mut bytes = Vec::new();
    let mut packed = flate2::read::GzDecoder::new(include_bytes!("../font/stamp.ttf.gz").as_slice());
    std::io::Read::read_to_end(&mut packed, &mut bytes).unwrap();
    let font = ab_glyph::FontRef::try_from_slice(&bytes).unwrap();
    let signs = "本机时间未核网格街道社区米±°·′″「」『』《》【】，。：；、！？（）～－—–…“”‘’℃№→←↑↓≈≤≥０１２９ＡＺａｚ朝阳宽城绿园鑫";
    for c in signs.chars().chain(' '..='~') {
        assert_ne!(ab_glyph::Font::glyph_id(&font, c).0, 0, "{c}");
    }
}

/// Names of places beyond GB 2312: of districts, counties, towns and rivers.
#[test]
fn field_04_the_font_has_the_characters_of_place_names() {
    let mut bytes = Vec::new();
    let mut packed = flate2::read::GzDecoder::new(include_bytes!("../font/stamp.ttf.gz").as_slice());
    std::io::Read::read_to_end(&mut packed, &mut bytes).unwrap();
    let font = ab_glyph::FontRef::try_from_slice(&bytes).unwrap();
    for c in "瀍河街道甪直镇洺河浉河鄠邑璧山亳州邳州泃河埇桥犍为妫水鄄城郏县珲春".chars()
    {
        assert_ne!(ab_glyph::Font::glyph_id(&font, c).0, 0, "{c}");
    }
    // Of the second font: the third part of 通用规范汉字表.
    assert_eq!(media::unprintable("\u{2C1F9}\u{3447}\u{356E}").unwrap(), []);
}

#[test]
fn field_04_a_rare_character_is_drawn_and_no_box() {
    let photo = Picture::plain(800, 600, [0; 3]).jpeg(None, false);
    let drawn = |text: &str| {
        let stamp = Stamp {
            lines: vec![text.into()],
        };
        prepare(&photo, &stamp).unwrap().jpeg
    };
    // Two characters without a glyph are the same box; two rare ones differ from it and from each other.
    assert_eq!(drawn("\u{20BB7}"), drawn("\u{20BB8}"));
    let [first, second] = ["\u{2C1F9}", "\u{3447}"].map(drawn);
    assert!(first != second && first != drawn("\u{20BB7}") && second != drawn("\u{20BB7}"));
}

#[test]
fn blank_stamps_and_control_characters_draw_nothing() {
    let photo = Picture::busy(400, 300).jpeg(None, false);
    let bare = prepare(&photo, &no_stamp()).unwrap();
    let blank = Stamp {
        lines: vec![String::new(), "  \t\u{7}\0\r\n ".into()],
    };
    assert_eq!(prepare(&photo, &blank).unwrap(), bare);
    assert!(
        prepare(
            &photo,
            &Stamp {
                lines: vec!["a\tb\nc\u{1b}[0m".into()]
            }
        )
        .is_ok()
    );
}

#[test]
fn the_same_input_gives_the_same_bytes_and_hashes() {
    let photo = Picture::busy(2000, 1500).jpeg(Some(&exif_block(3, true)), false);
    let (one, two) = (
        prepare(&photo, &stamp()).unwrap(),
        prepare(&photo, &stamp()).unwrap(),
    );
    assert_eq!(one, two);
    assert_eq!(one.sha256, <[u8; 32]>::from(Sha256::digest(&one.jpeg)));
    assert_eq!(one.original_sha256, <[u8; 32]>::from(Sha256::digest(&photo)));
    let other = Stamp {
        lines: vec!["2026-11-22 08:15:04".into()],
    };
    assert_ne!(prepare(&photo, &other).unwrap().sha256, one.sha256);
}

#[test]
fn exif_time_and_place_are_returned_and_removed_from_the_file() {
    let photo = Picture::busy(400, 300).jpeg(Some(&exif_block(1, true)), false);
    let prepared = prepare(&photo, &stamp()).unwrap();
    assert_eq!(prepared.taken_at.as_deref(), Some("2026:11:22 08:15:03"));
    let gps = Gps {
        latitude_e7: 438_600_000,
        longitude_e7: 1_253_151_000,
        datum: Some("WGS-84".into()),
    };
    assert_eq!(prepared.gps, Some(gps));
    for file in [&prepared.jpeg, &prepared.thumbnail] {
        for trace in [&b"Exif"[..], b"MakerOfHandsets", b"2026:11:22", b"WGS-84"] {
            assert!(!file.windows(trace.len()).any(|window| window == trace));
        }
    }
}

#[test]
fn a_broken_exif_block_loses_its_values_and_not_the_photo() {
    let mut exif = exif_block(6, true);
    for byte in &mut exif[8..] {
        *byte = byte.wrapping_mul(31).wrapping_add(7);
    }
    let prepared = prepare(&Picture::corners(192, 96).jpeg(Some(&exif), false), &no_stamp()).unwrap();
    assert_eq!(prepared.gps, None);
}

#[test]
fn field_exif_dates_of_zeros_and_the_fix_zero_zero_are_no_values() {
    let read = |time: &str, gps| {
        let photo = Picture::corners(192, 96).jpeg(Some(&common::exif_with(1, time, gps)), false);
        let prepared = prepare(&photo, &no_stamp()).unwrap();
        (prepared.taken_at, prepared.gps)
    };
    let here = Some([(43, 51, 3600), (125, 18, 5436)]);
    for time in [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2026:00:22 08:15:03",
        "2026:11:32 08:15:03",
        "2026:11:22 24:15:03",
        "yesterday",
    ] {
        assert_eq!(read(time, here).0, None, "{time}");
    }
    let (time, gps) = read("2025:03:02 23:59:59", here);
    assert_eq!(time.as_deref(), Some("2025:03:02 23:59:59"));
    assert_eq!(gps.unwrap().latitude_e7, 438_600_000);
    assert_eq!(read("2025:03:02 23:59:59", Some([(0, 0, 0), (0, 0, 0)])).1, None);
    // Longitude 0 alone is a place.
    assert!(
        read("2025:03:02 23:59:59", Some([(51, 28, 0), (0, 0, 0)]))
            .1
            .is_some()
    );
}

#[test]
fn progressive_grey_and_transparent_pictures_are_accepted() {
    let picture = Picture::corners(200, 100);
    let out = decoded(&prepare(&picture.jpeg(None, true), &no_stamp()).unwrap().jpeg);
    assert!(near(out.at(150, 75), YELLOW));

    let mut grey = Vec::new();
    jpeg_encoder::Encoder::new(&mut grey, 90)
        .encode(&[77; 64 * 64], 64, 64, jpeg_encoder::ColorType::Luma)
        .unwrap();
    assert!(near(
        decoded(&prepare(&grey, &no_stamp()).unwrap().jpeg).at(30, 30),
        [77; 3]
    ));

    let clear: Vec<u8> = [200, 0, 0, 0].repeat(64 * 64);
    let clear = png_of(64, 64, png::ColorType::Rgba, &clear, None);
    assert!(near(
        decoded(&prepare(&clear, &no_stamp()).unwrap().jpeg).at(30, 30),
        [255; 3]
    ));

    let veil: Vec<u8> = [0, 128].repeat(64 * 64);
    let veil = png_of(64, 64, png::ColorType::GrayscaleAlpha, &veil, None);
    assert!(near(
        decoded(&prepare(&veil, &no_stamp()).unwrap().jpeg).at(30, 30),
        [127; 3]
    ));
}

#[test]
fn data_after_the_picture_and_padding_between_segments_are_ignored() {
    let plain = Picture::corners(192, 96).jpeg(None, false);
    let expected = prepare(&plain, &no_stamp()).unwrap().sha256;
    let motion = [&plain[..], &[0, 0, 0, 24], b"ftypmp42", &[9; 500]].concat();
    assert_eq!(prepare(&motion, &no_stamp()).unwrap().sha256, expected);
    let padded = [&plain[..2], &[0xFF; 7], &plain[2..]].concat();
    assert_eq!(prepare(&padded, &no_stamp()).unwrap().sha256, expected);
}

#[test]
fn pictures_with_restart_markers_are_accepted() {
    // 12 x 12 blocks: an interval that divides them evenly, one that does not, one longer than the picture.
    for interval in [1, 12, 16, 18, 35, 144, 500] {
        let picture = Picture::corners(192, 192);
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 85);
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_0);
        encoder.set_restart_interval(interval);
        encoder
            .encode(&picture.rgb, 192, 192, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        let out = decoded(&prepare(&bytes, &no_stamp()).unwrap().jpeg);
        assert!(near(out.at(150, 150), YELLOW), "interval {interval}");
    }
}

#[test]
fn tiny_and_flat_pictures_are_complete() {
    for (width, height) in [(1, 1), (7, 3), (8, 8), (16, 16), (17, 300), (64, 64)] {
        let bytes = Picture::plain(width, height, [10, 10, 10]).jpeg(None, false);
        let prepared = prepare(&bytes, &no_stamp()).unwrap();
        assert_eq!((prepared.width, prepared.height), (width, height));
        // The output is valid input: the server inspects it, a colleague may forward it.
        assert!(prepare(&prepared.jpeg, &no_stamp()).is_ok());
    }
}
