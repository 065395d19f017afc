//! The clocks of xtask: how long a stage took, how old a folder is, and which day it is.
#![expect(
    clippy::disallowed_methods,
    reason = "the one file of xtask that reads a clock or sleeps"
)]

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub fn now() -> Instant {
    Instant::now()
}

/// Time since `then`; `None` when it lies in the future.
pub fn age(then: SystemTime) -> Option<Duration> {
    SystemTime::now().duration_since(then).ok()
}

/// The day in UTC.
pub fn today() -> Result<Date> {
    let now = Timestamp::try_from(SystemTime::now()).context("the clock of this machine")?;
    Ok(now.to_zoned(TimeZone::UTC).date())
}

pub fn sleep(time: Duration) {
    std::thread::sleep(time);
}
