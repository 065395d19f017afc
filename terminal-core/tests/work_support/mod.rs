//! Shared by the tests of the worker's side: pictures, a home that is enrolled without a server, time.
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
    platform::{Clock, ClockRaw, Platform},
    store::{HandsetStore, testing},
    terminal::Terminal,
};

/// 2026-11-22 08:15:03 in Asia/Shanghai.
pub const MORNING: i64 = 1_795_306_503_000;

/// A small JPEG of noise, different for each seed.
pub fn picture(seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut pixels = Vec::with_capacity(480 * 360 * 3);
    for k in 0..480u32 * 360 {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let low = |n: u32| n.to_le_bytes()[0];
        let shade = low(k / 480 / 2);
        pixels.extend([shade ^ (low(state) & 31), shade, low(k % 251)]);
    }
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 80)
        .encode(&pixels, 480, 360, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    jpeg
}

/// A clock that only tests move.
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
    let store = HandsetStore::open(home, platform.keystore.database_key().unwrap()).unwrap();
    testing::enrol(&store, "220104".parse().unwrap()).unwrap();
}

/// Opens the home as after a start of the process.
pub fn open(home: &Path, hand: &Hand) -> Terminal {
    let mut platform = Platform::command_line(home).unwrap();
    platform.clock = Arc::new(hand.clone());
    Terminal::open(home, platform).unwrap()
}

/// A grid of two adjacent cells, 220104-01-01-01 and -02, each about 96 m wide and 111 m high, in 桂林路街道;
/// their border is at longitude 125.3012.
pub fn two_cells() -> Vec<u8> {
    use grid::{
        geom::Pt,
        pack::{PackInput, PackMeta, PackUnit, UnitLevel, write},
    };
    let cell = |code: &str, west: i32| {
        let (south, north, east) = (438_570_000, 438_580_000, west + 12_000);
        let ring = vec![
            Pt::new(west, south),
            Pt::new(east, south),
            Pt::new(east, north),
            Pt::new(west, north),
        ];
        (code.parse().unwrap(), ring)
    };
    let unit = |level, code: &str, name: &str| PackUnit {
        level,
        code: code.into(),
        name: name.into(),
        stat: String::new(),
        is_urban: true,
    };
    write(PackInput {
        meta: PackMeta {
            grid_version: protocol::codes::GridVersion("220104.1".into()),
            datum: protocol::geo::Datum::Wgs84,
            source_datum: protocol::geo::Datum::Gcj02,
            source_datum_verified: false,
            county: "220104".parse().ok(),
            source_sha256: String::new(),
            borders: "cut".into(),
        },
        cells: vec![
            cell("220104010101", 1_253_000_000),
            cell("220104010102", 1_253_012_000),
        ],
        units: vec![
            unit(UnitLevel::Street, "22010401", "桂林路街道"),
            unit(UnitLevel::Community, "2201040101", "桂林社区"),
        ],
    })
    .unwrap()
}

/// A place in the west cell, with an accuracy of 8 m.
pub fn in_the_west_cell() -> protocol::evidence::Position {
    protocol::evidence::Position {
        point: protocol::geo::PointE7 {
            lat: 438_575_000,
            lon: 1_253_006_000,
        },
        accuracy_cm: 800,
        provider: "gps".into(),
        mock: false,
        fix_time: Millis(MORNING),
        monotonic_ms: None,
    }
}

/// A row of the mailboxes.
pub fn row(
    mailbox: protocol::feed::Mailbox,
    n: u64,
    kind: &str,
    entity: impl std::fmt::Display,
    body: impl serde::Serialize,
) -> protocol::feed::FeedRow {
    protocol::feed::FeedRow {
        mailbox: mailbox.into(),
        n,
        kind: kind.into(),
        entity: entity.to_string(),
        body: Some(serde_json::to_value(body).unwrap()),
    }
}
