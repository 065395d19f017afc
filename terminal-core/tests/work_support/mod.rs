//! What the tests of the worker's side share: pictures, a home that is enrolled without a server, time.
#![allow(dead_code)]

use protocol::time::Millis;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use terminal_core::{
    platform::{Clock, ClockRaw},
    store::{Store, testing},
    terminal::{Platform, Terminal},
};

/// 2026-11-22 08:15:03 in Asia/Shanghai.
pub const MORNING: i64 = 1_795_306_503_000;

/// A small JPEG of noise; another one for each seed.
pub fn picture(seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut pixels = Vec::with_capacity(480 * 360 * 3);
    for k in 0..480u32 * 360 {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let shade = (k / 480 / 2) as u8;
        pixels.extend([shade ^ (state as u8 & 31), shade, (k % 251) as u8]);
    }
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 80)
        .encode(&pixels, 480, 360, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    jpeg
}

/// A clock that goes only when it is told to.
#[derive(Clone)]
pub struct Hand(Arc<AtomicI64>);

impl Hand {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(0)))
    }
    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn read(&self) -> ClockRaw {
        let ms = self.0.load(Ordering::SeqCst);
        ClockRaw {
            wall: Millis(MORNING + ms),
            boot: "boot".into(),
            monotonic_ms: 1_000 + ms,
        }
    }
}

/// Enrols a home without a server.
pub fn enrol(home: &Path) {
    let platform = Platform::command_line(home).unwrap();
    let store = Store::open(home, platform.vault.database_key().unwrap()).unwrap();
    testing::enrol(&store, "220104".parse().unwrap()).unwrap();
}

/// The handset in this home, as after a start of the process.
pub fn open(home: &Path, hand: &Hand) -> Terminal {
    let mut platform = Platform::command_line(home).unwrap();
    platform.clock = Arc::new(hand.clone());
    Terminal::open(home, platform).unwrap()
}
