//! Pictures that look alike are found by their fingerprint, others are not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use common::{Picture, decoded, prepare, stamp};
use media::{Fingerprint, PhotoLimits, Stamp, fingerprint};
use std::{fs, path::Path};

/// The default of the server's setting `photo_near_bits`.
const NEAR: u32 = 5;

fn print_of(bytes: &[u8]) -> Option<Fingerprint> {
    fingerprint(bytes, &PhotoLimits::default()).unwrap()
}

/// Sixteen real photographs.
fn photographs() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/photos");
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "jpg"))
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    all.sort();
    assert_eq!(all.len(), 16);
    all
}

#[test]
fn field_01_a_photo_filed_twice_is_alike_whatever_its_stamp() {
    let other = Stamp {
        lines: vec!["2027-01-31 23:59:59 图库 本机时间".into(), "无定位".into()],
    };
    for (name, bytes) in photographs() {
        let original = print_of(&bytes).unwrap();
        let once = prepare(&bytes, &stamp()).unwrap();
        let again = prepare(&bytes, &other).unwrap();
        assert_ne!(once.sha256, again.sha256);
        // Somebody sent the filed picture on: smaller, and encoded again.
        let small = decoded(&once.thumbnail).jpeg(None, false);
        let found = [&once.jpeg, &again.jpeg, &small].map(|jpeg| print_of(jpeg).unwrap().distance(original));
        assert!(
            found.iter().all(|distance| *distance <= NEAR),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn field_01_two_photographs_are_not_alike() {
    let prints: Vec<_> = photographs()
        .into_iter()
        .map(|(name, bytes)| (name, print_of(&bytes).unwrap()))
        .collect();
    for (n, (name, one)) in prints.iter().enumerate() {
        for (other_name, other) in &prints[..n] {
            let distance = one.distance(*other);
            assert!(distance > 2 * NEAR, "{name} {other_name}: {distance}");
        }
    }
}

#[test]
fn field_01_a_picture_without_content_is_like_no_other() {
    for picture in [
        Picture::plain(640, 480, [0, 0, 0]),
        Picture::plain(640, 480, [250, 250, 250]),
    ] {
        assert_eq!(print_of(&picture.jpeg(None, false)), None);
    }
    assert_eq!(print_of(&Picture::busy(30, 30).png()), None);
    assert!(fingerprint(b"no photo", &PhotoLimits::default()).is_err());
}
