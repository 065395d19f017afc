//! Clocks: the wall clock, and the monotonic clock since boot.
#![expect(
    clippy::disallowed_methods,
    reason = "the one file that reads a clock or sleeps"
)]

use crate::{
    Result,
    platform::random::{Random, random_bytes},
};
use protocol::{evidence::ClockReading, time::Millis};
use std::time::SystemTime;

/// Blocks this thread for `time`. The command line alone waits by itself.
#[cfg(feature = "cli")]
pub(crate) fn sleep(time: std::time::Duration) {
    std::thread::sleep(time);
}

/// A reading of all clocks, without the estimated offset to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockRaw {
    /// The wall clock; may be wrong by years.
    pub wall: Millis,
    /// Identifies one boot of the handset.
    pub boot: String,
    /// Milliseconds since boot, suspend included (CLOCK_BOOTTIME, elapsedRealtime).
    pub monotonic_ms: i64,
}

impl ClockRaw {
    /// Adds the offset to the server (ms) that the store estimates; the result goes into evidence.
    pub fn reading(self, offset_ms: Option<i64>) -> ClockReading {
        ClockReading {
            wall: self.wall,
            boot: self.boot,
            monotonic_ms: self.monotonic_ms,
            offset_ms,
        }
    }
}

/// The clocks.
pub trait Clock: Send + Sync {
    /// Reads all clocks at once.
    fn read(&self) -> ClockRaw;
}

/// The clocks of Linux: system time, boot id, and `/proc/uptime`, which includes suspend.
#[derive(Debug, Clone)]
pub struct SystemClock {
    boot: String,
    started: std::time::Instant,
}

impl SystemClock {
    /// Reads the boot id once. Without one, every process counts as a boot.
    pub fn new(random: &dyn Random) -> Result<Self> {
        let boot = match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
            Ok(text) => text.trim().to_owned(),
            Err(_) => format!("process-{}", hex::encode(random_bytes::<16>(random)?)),
        };
        Ok(Self {
            boot,
            started: std::time::Instant::now(),
        })
    }
}

impl Clock for SystemClock {
    fn read(&self) -> ClockRaw {
        let wall = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        ClockRaw {
            wall: Millis(wall),
            boot: self.boot.clone(),
            monotonic_ms: uptime_ms()
                .unwrap_or_else(|| i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)),
        }
    }
}

/// Parses `12345.67 …`, seconds since boot with suspend included, as milliseconds.
fn uptime_ms() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, hundredths) = text.split_whitespace().next()?.split_once('.')?;
    let seconds: i64 = seconds.parse().ok()?;
    let hundredths: i64 = hundredths.parse().ok()?;
    seconds
        .checked_mul(1000)?
        .checked_add(hundredths.checked_mul(10)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::random::SystemRandom;

    #[test]
    fn the_monotonic_clock_advances_within_one_boot() {
        let clock = SystemClock::new(&SystemRandom).unwrap();
        let (a, b) = (clock.read(), clock.read());
        assert_eq!(a.boot, b.boot);
        assert!(!a.boot.is_empty());
        assert!(b.monotonic_ms >= a.monotonic_ms && a.monotonic_ms > 0);
    }
}
