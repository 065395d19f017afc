//! The stream decoder of photos against the decoder of the other files. A picture is encoded from the input: both must
//! read the same luma. Then bytes of the file are changed: the stream decoder must not panic, must read the same in any
//! portions, and must never take a shortened file.
#![no_main]
use std::io::Read;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use media::{MediaError, PhotoLimits, probe::components};
use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};

/// Gives few bytes at once.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let limits = PhotoLimits {
        max_pixels: 40_000,
        max_side: 400,
        ..PhotoLimits::default()
    };
    // As it is: whatever it says.
    for eighths in [1, 2, 4, 8] {
        let whole = components(input, &limits, eighths);
        assert_eq!(whole, components(Dribble(input, 3), &limits, eighths));
    }
    let [width, height, kind, quality, interval, kept, at @ .., last] = input else {
        return;
    };
    let (width, height) = (u16::from(*width % 64) + 1, u16::from(*height % 64) + 1);
    let sampling = [
        SamplingFactor::R_4_4_4,
        SamplingFactor::R_4_2_2,
        SamplingFactor::R_4_2_0,
        SamplingFactor::R_4_4_0,
    ];
    let pixels: Vec<u8> = (0..usize::from(width) * usize::from(height) * 3)
        .map(|index| {
            at.get(index % at.len().max(1))
                .copied()
                .unwrap_or(*last)
                .wrapping_add((index / 97) as u8)
        })
        .collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, *quality % 95 + 5);
    encoder.set_sampling_factor(sampling[usize::from(*kind % 4)]);
    if *interval % 2 == 1 {
        encoder.set_restart_interval(u16::from(*interval));
    }
    encoder
        .encode(&pixels, width, height, ColorType::Rgb)
        .expect("pixels as many as the size says");

    let ours = components(file.as_slice(), &limits, 8)
        .expect("a valid file")
        .expect("an ordinary file");
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::YCbCr);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(&file), options);
    let theirs = decoder.decode().expect("a valid file");
    for (ours, theirs) in ours[0].samples.iter().zip(theirs.iter().step_by(3)) {
        assert!(ours.abs_diff(*theirs) <= 3, "{ours} and {theirs}");
    }

    // Without its end: the two bytes of the end marker, and one that may be filling.
    let start = file
        .windows(2)
        .rposition(|pair| pair == [0xFF, 0xDA])
        .expect("a scan")
        + 14;
    let end = start + usize::from(*kept) * (file.len() - 3 - start) / 256;
    let mut short = file[..end].to_vec();
    if short.last() == Some(&0xFF) {
        short.pop();
    }
    assert_eq!(components(short.as_slice(), &limits, 1), Err(MediaError::CutOff));
});
