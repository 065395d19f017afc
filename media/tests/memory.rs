//! The memory of preparing a photo, above what the process has before. One test, alone in its program: nothing else
//! may allocate meanwhile.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]

use std::fs::{self, File};
use std::io::{BufWriter, Write};

use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor};
use media::{PhotoLimits, PrepareOptions, Stamp};

/// A picture that is computed while it is encoded, so that it is never in memory.
struct Computed(u16, u16);

impl ImageBuffer for Computed {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }
    fn width(&self) -> u16 {
        self.0
    }
    fn height(&self) -> u16 {
        self.1
    }
    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let y = u32::from(y);
        for x in 0..u32::from(self.0) {
            let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503))
                .rotate_left(13)
                .wrapping_mul(97);
            buffers[0].push((60 + (x / 40 + y / 50) % 120 + (noise >> 28)) as u8);
            buffers[1].push((100 + x / 100 % 50) as u8);
            buffers[2].push((110 + y / 90 % 40) as u8);
        }
    }
}

/// A value of `/proc/self/status` in bytes.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn field_14_memory_is_10_mib_for_12_megapixels_and_60_mib_for_200() {
    let folder = tempfile::tempdir().unwrap();
    let stamp = Stamp {
        lines: vec![
            "2026-11-22 08:15:03 本机时间".into(),
            "220104-05-03-17 桂林路街道 ±8 米".into(),
        ],
    };
    // The small one first: memory that was freed stays with the process.
    for (width, height, most) in [(4_000, 3_000, 10 << 20), (16_320, 12_240, 60 << 20)] {
        let path = folder.path().join("photo.jpg");
        let mut file = BufWriter::new(File::create(&path).unwrap());
        let mut encoder = Encoder::new(&mut file, 90);
        encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
        encoder.encode_image(Computed(width, height)).unwrap();
        file.flush().unwrap();
        drop(file);

        // Sets the peak to what is used now.
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = status("VmRSS:");
        let file = File::open(&path).unwrap();
        let prepared =
            media::prepare_from(file, &PhotoLimits::default(), &stamp, &PrepareOptions::default()).unwrap();
        let used = status("VmHWM:").saturating_sub(before);
        assert_eq!((prepared.width, prepared.height), (1600, 1200));
        println!("{width} x {height}: {:.1} MiB", used as f64 / f64::from(1 << 20));
        assert!(used <= most, "{width} x {height}: {used} bytes, at most {most}");
    }
}
