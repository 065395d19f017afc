//! The stream decoder: the same samples as the decoder of the other files, at any size, from any source.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod common;

use std::io::{Cursor, Read, Seek, SeekFrom};

use common::{Picture, decoded, exif_block, no_stamp};
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};
use media::probe::{Samples, components};
use media::{MediaError, PhotoLimits, PrepareOptions};
use proptest::prelude::*;
use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};

/// What a file is made of.
#[derive(Clone, Debug)]
struct Made {
    width: u32,
    height: u32,
    sampling: SamplingFactor,
    quality: u8,
    interval: u16,
    smooth: bool,
}

impl Made {
    fn picture(&self) -> Picture {
        if self.smooth {
            let (width, height) = (f64::from(self.width), f64::from(self.height));
            Picture::from_fn(self.width, self.height, |x, y| {
                let (x, y) = (f64::from(x) / width.max(64.0), f64::from(y) / height.max(64.0));
                [
                    (60.0 + 120.0 * x) as u8,
                    (70.0 + 100.0 * y) as u8,
                    (90.0 + 60.0 * (x + y) / 2.0) as u8,
                ]
            })
        } else {
            Picture::busy(self.width, self.height)
        }
    }

    fn jpeg(&self) -> Vec<u8> {
        let picture = self.picture();
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, self.quality);
        encoder.set_sampling_factor(self.sampling);
        encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
        if self.interval > 0 {
            encoder.set_restart_interval(self.interval);
        }
        encoder
            .encode(
                &picture.rgb,
                self.width as u16,
                self.height as u16,
                ColorType::Rgb,
            )
            .unwrap();
        bytes
    }
}

fn made(smooth: bool) -> impl Strategy<Value = Made> {
    let sampling = prop_oneof![
        Just(SamplingFactor::R_4_4_4),
        Just(SamplingFactor::R_4_2_2),
        Just(SamplingFactor::R_4_2_0),
        Just(SamplingFactor::R_4_4_0),
    ];
    let interval = prop_oneof![3 => Just(0_u16), 1 => 1..40_u16];
    (1..200_u32, 1..200_u32, sampling, 30..98_u8, interval).prop_map(
        move |(width, height, sampling, quality, interval)| Made {
            width,
            height,
            sampling,
            quality,
            interval,
            smooth,
        },
    )
}

fn at(bytes: &[u8], eighths: u32) -> Vec<Samples> {
    components(bytes, &PhotoLimits::default(), eighths)
        .unwrap()
        .unwrap()
}

/// Luma and both chromas by the other decoder, chromas at full size.
fn others(bytes: &[u8]) -> [Vec<u8>; 3] {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::YCbCr);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let samples = decoder.decode().unwrap();
    std::array::from_fn(|at| samples.iter().skip(at).step_by(3).copied().collect())
}

/// The largest difference of two rows of samples.
fn furthest(ours: &[u8], theirs: &[u8]) -> u8 {
    assert_eq!(ours.len(), theirs.len());
    let pairs = ours.iter().zip(theirs);
    pairs
        .map(|(ours, theirs)| ours.abs_diff(*theirs))
        .max()
        .unwrap_or(0)
}

/// Means of squares of `side` samples, as far as they are whole.
fn means(full: &Samples, side: usize) -> Vec<Vec<f64>> {
    let rows: Vec<&[u8]> = full.samples.chunks_exact(full.width).collect();
    let squares = rows.chunks_exact(side).map(|rows| {
        (0..full.width / side)
            .map(|x| {
                let samples = rows.iter().flat_map(|row| &row[x * side..(x + 1) * side]);
                samples.map(|&sample| f64::from(sample)).sum::<f64>() / (side * side) as f64
            })
            .collect()
    });
    squares.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn field_14_luma_and_full_chroma_equal_those_of_the_other_decoder(made in made(false)) {
        let bytes = made.jpeg();
        let (ours, theirs) = (at(&bytes, 8), others(&bytes));
        prop_assert!(furthest(&ours[0].samples, &theirs[0]) <= 2);
        if made.sampling == SamplingFactor::R_4_4_4 {
            prop_assert!(furthest(&ours[1].samples, &theirs[1]) <= 2);
            prop_assert!(furthest(&ours[2].samples, &theirs[2]) <= 2);
        }
    }

    #[test]
    fn field_14_a_reduced_picture_is_the_mean_of_the_full_one(made in made(true), eighths in prop_oneof![Just(1_u32), Just(2), Just(4)]) {
        let bytes = Made { quality: 95, ..made }.jpeg();
        let (full, reduced) = (at(&bytes, 8), at(&bytes, eighths));
        let side = 8 / eighths as usize;
        for (full, reduced) in full.iter().zip(&reduced) {
            prop_assert_eq!(reduced.width, full.width.div_ceil(side));
            prop_assert_eq!(reduced.samples.len() / reduced.width, (full.samples.len() / full.width).div_ceil(side));
            for (means, row) in means(full, side).iter().zip(reduced.samples.chunks_exact(reduced.width)) {
                for (mean, &sample) in means.iter().zip(row) {
                    prop_assert!((mean - f64::from(sample)).abs() < 6.0, "{} and {}", mean, sample);
                }
            }
        }
    }

    /// The picture that is filed does not depend on which decoder read the original: the progressive form of the same
    /// picture goes through the other one.
    #[test]
    fn field_14_both_decoders_make_the_same_filed_picture(
        made in made(true),
        orientation in 1..9_u16,
        longest in prop_oneof![Just(1600_u32), 20..150_u32],
    ) {
        let picture = made.picture();
        let exif = exif_block(orientation, false);
        let options = PrepareOptions { longest_side: longest, shorter_side: 0, quality: 95, ..PrepareOptions::default() };
        let filed = |progressive| {
            let photo = picture.jpeg(Some(&exif), progressive);
            let prepared = media::prepare(&photo, &PhotoLimits::default(), &no_stamp(), &options).unwrap();
            decoded(&prepared.jpeg)
        };
        let (ours, theirs) = (filed(false), filed(true));
        prop_assert_eq!((ours.width, ours.height), (theirs.width, theirs.height));
        prop_assert!(furthest(&ours.rgb, &theirs.rgb) <= 16, "{}", furthest(&ours.rgb, &theirs.rgb));
    }

    #[test]
    fn field_16_a_picture_with_any_missing_block_is_cut_off(made in made(false), kept in any::<prop::sample::Index>(), glued: bool) {
        let whole = made.jpeg();
        let start = whole.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap() + 14;
        // Two bytes are the end marker; the last bits of the byte before it may be mere filling.
        let end = whole.len() - 3;
        let mut bytes = whole[..start + kept.index(end - start)].to_vec();
        if bytes.last() == Some(&0xFF) {
            bytes.pop();
        }
        if glued {
            bytes.extend([0xFF, 0xD9]);
        }
        let refused = components(bytes.as_slice(), &PhotoLimits::default(), 8).map(|_| ()).unwrap_err();
        prop_assert_eq!(refused, MediaError::CutOff);
    }

    #[test]
    fn field_14_the_source_may_give_its_bytes_in_any_portions(made in made(false), portion in 1..50_usize) {
        let bytes = made.jpeg();
        let dribbled = components(Dribble { inner: Cursor::new(&bytes), portion }, &PhotoLimits::default(), 4);
        prop_assert_eq!(dribbled.unwrap().unwrap(), at(&bytes, 4));
    }
}

/// Gives few bytes at once.
struct Dribble<R> {
    inner: R,
    portion: usize,
}

impl<R: Read> Read for Dribble<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.portion);
        self.inner.read(&mut buffer[..most])
    }
}

impl<R: Seek> Seek for Dribble<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}

#[test]
fn field_14_a_stream_is_hashed_and_prepared_like_its_bytes() {
    let mut photo = Picture::busy(900, 700).jpeg(Some(&exif_block(6, true)), false);
    photo.extend(b"a film after the picture".repeat(5000));
    let png = Picture::busy(300, 200).png();
    for bytes in [photo, png] {
        let (limits, options) = (PhotoLimits::default(), PrepareOptions::default());
        let whole = media::prepare(&bytes, &limits, &common::stamp(), &options).unwrap();
        let source = Dribble {
            inner: Cursor::new(&bytes),
            portion: 777,
        };
        let streamed = media::prepare_from(source, &limits, &common::stamp(), &options).unwrap();
        assert_eq!(whole, streamed);
        use sha2::{Digest, Sha256};
        let hash: [u8; 32] = Sha256::digest(&bytes).into();
        assert_eq!(streamed.original_sha256, hash);
    }
}

#[test]
fn field_14_an_error_of_the_source_is_reported_and_not_taken_for_a_cut_off_file() {
    struct Broken(Cursor<Vec<u8>>);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.0.position() > 40_000 {
                return Err(std::io::Error::other("the card was pulled out"));
            }
            self.0.read(buffer)
        }
    }
    impl Seek for Broken {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            self.0.seek(to)
        }
    }
    let photo = Picture::busy(900, 700).jpeg(None, false);
    let error = media::prepare_from(
        Broken(Cursor::new(photo)),
        &PhotoLimits::default(),
        &no_stamp(),
        &PrepareOptions::default(),
    );
    assert_eq!(error.unwrap_err().code(), "photo.unreadable");
}

#[test]
fn field_14_chroma_at_a_quarter_of_the_width_is_accepted() {
    // Made with cjpeg -sample 4x1 from four coloured corners.
    let photo = include_bytes!("files/corners-411.jpg");
    let out = decoded(
        &media::prepare(
            photo,
            &PhotoLimits::default(),
            &no_stamp(),
            &PrepareOptions::default(),
        )
        .unwrap()
        .jpeg,
    );
    let close = |x, y, colour: [u8; 3]| {
        out.at(x, y)
            .iter()
            .zip(colour)
            .all(|(ours, wanted)| ours.abs_diff(wanted) < 12)
    };
    assert!(close(40, 20, common::RED) && close(150, 20, common::GREEN));
    assert!(close(40, 75, common::BLUE) && close(150, 75, common::YELLOW));
    assert!(
        components(&photo[..], &PhotoLimits::default(), 8)
            .unwrap()
            .is_some()
    );
}
