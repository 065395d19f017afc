//! Virtual time and seeded chance. Nothing in a simulation reads a real clock or draws real randomness.

use protocol::time::Millis;
use server::kernel::clock;
use simdisk::Rng;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};
use terminal_core::platform;

/// The world's time, in Unix milliseconds. Clones are the same time.
#[derive(Clone)]
pub struct Time(Arc<AtomicI64>);

/// 2026-11-23 09:00 in Asia/Shanghai, a Monday.
pub const START: Millis = Millis(1_795_395_600_000);

impl Time {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START.0)))
    }
    pub fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::Relaxed))
    }
    pub fn set(&self, to: Millis) {
        self.0.store(to.0, Ordering::Relaxed);
    }
}

impl Default for Time {
    fn default() -> Self {
        Self::new()
    }
}

impl clock::Clock for Time {
    fn now(&self) -> Millis {
        Self::now(self)
    }
}

/// A handset's clocks: a wall that may lie by years, and a count since boot that does not. The core never asks for
/// the time zone, so none is simulated.
pub struct HandsetClock {
    time: Time,
    skew: AtomicI64,
    booted: AtomicI64,
    boots: AtomicI64,
}

impl HandsetClock {
    pub fn new(time: Time, booted: Millis) -> Self {
        Self {
            time,
            skew: AtomicI64::new(0),
            booted: AtomicI64::new(booted.0),
            boots: AtomicI64::new(1),
        }
    }
    /// Somebody moves the wall clock.
    pub fn set_skew(&self, ms: i64) {
        self.skew.store(ms, Ordering::Relaxed);
    }
    /// The device starts again: another boot id, and the monotonic clock from nothing.
    pub fn reboot(&self) {
        self.booted.store(self.time.now().0, Ordering::Relaxed);
        self.boots.fetch_add(1, Ordering::Relaxed);
    }
}

impl platform::Clock for HandsetClock {
    fn read(&self) -> platform::ClockRaw {
        let now = self.time.now();
        platform::ClockRaw {
            wall: now.plus(self.skew.load(Ordering::Relaxed)),
            boot: format!("boot-{}", self.boots.load(Ordering::Relaxed)),
            monotonic_ms: now.0 - self.booted.load(Ordering::Relaxed),
        }
    }
}

/// Seeded bytes, for both sides.
pub struct Seeded(Mutex<Rng>);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Rng(seed)))
    }
    fn draw(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
    }
}

impl clock::Chance for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.draw(bytes);
    }
}

impl platform::Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> terminal_core::Result<()> {
        self.draw(bytes);
        Ok(())
    }
}
