//! Hostile bytes: any input gives a photo or a coded refusal, and never a panic.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use std::sync::LazyLock;

use common::{Picture, exif_block};
use media::{MediaError, PhotoLimits, PrepareOptions, Stamp};
use proptest::prelude::*;

/// Tight limits, so that a forged header does not make the test slow.
const LIMITS: PhotoLimits = PhotoLimits {
    max_bytes: 1 << 20,
    max_pixels: 1 << 20,
    max_whole_bytes: 1 << 20,
    max_whole_pixels: 1 << 20,
    max_side: 4096,
};

/// Small pictures of each accepted kind.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let picture = Picture::busy(72, 56);
    let grey: Vec<u8> = picture.rgb.iter().step_by(3).copied().collect();
    vec![
        picture.jpeg(Some(&exif_block(6, true)), false),
        picture.jpeg(None, true),
        picture.png(),
        common::png_of(
            72,
            56,
            png::ColorType::Grayscale,
            &grey,
            Some(&exif_block(8, true)),
        ),
    ]
});

fn survives(bytes: &[u8]) {
    let stamp = Stamp {
        lines: vec!["08:15".into()],
    };
    let options = PrepareOptions {
        longest_side: 64,
        quality: 50,
        thumbnail_side: 16,
        shorter_side: 0,
        ..PrepareOptions::default()
    };
    let inspected = media::inspect(bytes, &LIMITS);
    match media::prepare(bytes, &LIMITS, &stamp, &options) {
        Ok(photo) => {
            assert!(inspected.is_ok());
            assert!(photo.width.max(photo.height) <= 64);
        }
        Err(error) => {
            assert!(MediaError::CODES.contains(&error.code()));
            assert!(!matches!(error, MediaError::Internal { .. }), "{error}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_panic(
        seed in 0..4usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = SEEDS[seed].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        survives(&bytes);
    }

    /// Headers are few bytes among many, so random changes rarely hit them: change them deliberately.
    #[test]
    fn changed_headers_never_panic(
        seed in 0..4usize,
        changes in prop::collection::vec((0..700usize, prop_oneof![Just(0), Just(0xFF), any::<u8>()]), 1..6),
    ) {
        let mut bytes = SEEDS[seed].clone();
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        survives(&bytes);
    }

    /// PNG checksums would reject most changes: recompute them after the change.
    #[test]
    fn changed_png_chunks_with_right_checksums_never_panic(
        seed in 2..4usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = SEEDS[seed].clone();
        for (at, value) in changes {
            let at = 8 + at.index(bytes.len() - 8);
            bytes[at] = value;
        }
        mend_checksums(&mut bytes);
        survives(&bytes);
    }

    #[test]
    fn cut_and_spliced_files_never_panic(
        seed in 0..4usize,
        other in 0..4usize,
        cut in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
    ) {
        let (head, tail) = (&SEEDS[seed], &SEEDS[other]);
        let head = &head[..cut.index(head.len())];
        let tail = &tail[from.index(tail.len())..];
        survives(head);
        survives(&[head, tail].concat());
    }

    #[test]
    fn random_bytes_never_panic(
        start in prop_oneof![Just(&b""[..]), Just(&b"\xFF\xD8\xFF"[..]), Just(&b"\x89PNG\r\n\x1a\n"[..])],
        rest in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        survives(&[start, &rest].concat());
    }

    #[test]
    fn any_text_fits_or_is_refused(text in ".{0,300}", width in 8..500u32, height in 8..500u32) {
        let photo = Picture::plain(width, height, [40; 3]).jpeg(None, false);
        match common::prepare(&photo, &Stamp { lines: vec![text.clone(), text] }) {
            Ok(_) | Err(MediaError::TooSmall { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Recomputes each chunk's checksum, as far as the chunks can be parsed.
fn mend_checksums(bytes: &mut [u8]) {
    let mut at = 8;
    while at + 12 <= bytes.len() {
        let length = u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
        let Some(end) = at.checked_add(8 + length).filter(|end| end + 4 <= bytes.len()) else {
            return;
        };
        let sum = bytes[at + 4..end].iter().fold(!0_u32, |sum, &byte| {
            (0..8).fold(sum ^ u32::from(byte), |sum, _| {
                (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg())
            })
        });
        bytes[end..end + 4].copy_from_slice(&(!sum).to_be_bytes());
        at = end + 4;
    }
}
