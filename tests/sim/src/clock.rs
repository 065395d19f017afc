//! Virtual time and seeded random numbers. Nothing in a simulation reads a real clock or real randomness.

use protocol::time::Millis;
use server::kernel::clock;
use simdisk::Rng;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};
use terminal_core::platform;

/// The world's time, in Unix milliseconds. Clones share one time.
#[derive(Clone)]
pub struct SimTime(Arc<AtomicI64>);

/// 2026-11-23 09:00 in Asia/Shanghai, a Monday.
pub const START: Millis = Millis(1_795_395_600_000);

impl SimTime {
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

impl Default for SimTime {
    fn default() -> Self {
        Self::new()
    }
}

impl clock::ServerClock for SimTime {
    fn now(&self) -> Millis {
        Self::now(self)
    }
}

/// The clocks of a handset: a wall clock that may be wrong by years, and a monotonic clock since boot. The
/// core never asks for the time zone, so none is simulated.
pub struct HandsetClock {
    time: SimTime,
    skew: AtomicI64,
    booted: AtomicI64,
    boots: AtomicI64,
}

impl HandsetClock {
    pub fn new(time: SimTime, booted: Millis) -> Self {
        Self {
            time,
            skew: AtomicI64::new(0),
            booted: AtomicI64::new(booted.0),
            boots: AtomicI64::new(1),
        }
    }
    /// Sets the wall clock's offset from the world's time, in milliseconds.
    pub fn set_skew(&self, ms: i64) {
        self.skew.store(ms, Ordering::Relaxed);
    }
    /// Restarts the device: new boot id, monotonic clock at zero.
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

/// Seeded random bytes, for both ends.
pub struct SeededBytes(Mutex<Rng>);

impl SeededBytes {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Rng(seed)))
    }
    fn draw(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
    }
}

impl clock::RandomSource for SeededBytes {
    fn fill(&self, bytes: &mut [u8]) {
        self.draw(bytes);
    }
}

impl platform::Random for SeededBytes {
    fn fill(&self, bytes: &mut [u8]) -> terminal_core::Result<()> {
        self.draw(bytes);
        Ok(())
    }
}
