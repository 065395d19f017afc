//! The clocks of xtask: how long a stage took, and how old a folder is.
#![expect(
    clippy::disallowed_methods,
    reason = "the one file of xtask that reads a clock or sleeps"
)]

use std::time::{Duration, Instant, SystemTime};

pub fn now() -> Instant {
    Instant::now()
}

/// Time since `then`; `None` when it lies in the future.
pub fn age(then: SystemTime) -> Option<Duration> {
    SystemTime::now().duration_since(then).ok()
}

pub fn sleep(time: Duration) {
    std::thread::sleep(time);
}
