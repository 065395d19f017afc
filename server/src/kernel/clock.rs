//! Time and random bytes as traits, so that the simulator can replace them.
#![expect(
    clippy::disallowed_methods,
    reason = "the one file above the store that reads a clock or sets a timer"
)]

use protocol::time::Millis;
use std::{
    pin::Pin,
    sync::OnceLock,
    time::{Duration, Instant},
};
use tokio::time::Interval;

/// Source of time.
pub trait ServerClock: Send + Sync {
    fn now(&self) -> Millis;
}

/// Source of random bytes, for ids, tokens and codes.
pub trait RandomSource: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
pub struct MachineClock;

impl ServerClock for MachineClock {
    fn now(&self) -> Millis {
        Millis(jiff::Timestamp::now().as_millisecond())
    }
}

/// Starts measuring a duration, for metrics only: no decision may depend on it.
pub fn stopwatch() -> Instant {
    Instant::now()
}

/// Ticks immediately and then once per period. Must be called inside the Tokio runtime.
pub fn every(period: Duration) -> Interval {
    tokio::time::interval(period)
}

/// Waits for `time` on the clock of the runtime.
pub async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// A timer that can be polled.
pub type Timer = Pin<Box<tokio::time::Sleep>>;

/// A timer that ends after `time`.
pub fn timer(time: Duration) -> Timer {
    Box::pin(tokio::time::sleep(time))
}

/// Lets a timer end after `time` from now.
pub fn restart(timer: &mut Timer, time: Duration) {
    timer.as_mut().reset(tokio::time::Instant::now() + time);
}

/// Time since the first call, for the limits of connections and bodies.
pub fn uptime() -> Duration {
    static FIRST: OnceLock<tokio::time::Instant> = OnceLock::new();
    let now = tokio::time::Instant::now();
    now.saturating_duration_since(*FIRST.get_or_init(|| now))
}

/// The random source of the operating system, for tokens and keys. The process aborts if it fails (no system is known
/// to fail after its first bytes): a stopped server is repaired, guessable tokens are not noticed.
pub struct SystemRandomSource;

impl SystemRandomSource {
    /// Checks that the operating system returns random bytes. Called once before the server listens.
    pub fn healthy() -> bool {
        getrandom::fill(&mut [0; 8]).is_ok()
    }
    /// 32 random bytes: a key, or the seed of a command's ids.
    pub fn bytes() -> [u8; 32] {
        let mut fresh = [0; 32];
        Self.fill(&mut fresh);
        fresh
    }
}

impl RandomSource for SystemRandomSource {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            tracing::error!(%error, "no random bytes, the server ends");
            std::process::abort();
        }
    }
}
