//! Time and random bytes from outside: traits, so that the simulator brings its own.
#![expect(
    clippy::disallowed_methods,
    reason = "the one file above the store that reads a clock or sets a timer"
)]

use protocol::time::Millis;
use std::time::{Duration, Instant};
use tokio::time::Interval;

/// Source of time; the simulator brings its own.
pub trait Clock: Send + Sync {
    fn now(&self) -> Millis;
}

/// Source of chance; the simulator brings its own. Used for ids, tokens and codes.
pub trait Chance: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        Millis(jiff::Timestamp::now().as_millisecond())
    }
}

/// Starts to measure a duration, for metrics only: no decision may depend on it.
pub fn stopwatch() -> Instant {
    Instant::now()
}

/// Ticks at once and then once in each period. Must be called inside of the runtime.
pub fn every(period: Duration) -> Interval {
    tokio::time::interval(period)
}

/// Ends after `time` on the runtime's clock.
pub async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// The operating system's random source. Tokens and keys come from it, so a machine that stops giving random
/// bytes (none is known to, once it has begun) ends the process: a server that is down is mended, a server
/// with guessable tokens is not noticed.
pub struct SystemChance;

impl SystemChance {
    /// Whether the operating system gives random bytes; asked once, before anything is served.
    pub fn healthy() -> bool {
        getrandom::fill(&mut [0; 8]).is_ok()
    }
}

impl Chance for SystemChance {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            tracing::error!(%error, "no random bytes, the server ends");
            std::process::abort();
        }
    }
}
