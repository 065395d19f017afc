//! Waiting before another try: longer each time, never in step with the others who wait.
#![expect(
    clippy::disallowed_methods,
    reason = "the one file of the store that reads a clock or sleeps"
)]

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// A random part of `most`.
fn jitter(most: Duration) -> Duration {
    // Each RandomState has its own keys: random enough to fall out of step, and no further dependency.
    let parts = RandomState::new().build_hasher().finish() % 1024;
    most.mul_f64(parts as f64 / 1024.0)
}

/// Reads the monotonic clock, for durations only.
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Sleeps for a random part of `most`.
pub(super) fn sleep_up_to(most: Duration) {
    std::thread::sleep(jitter(most));
}

/// Tries until a deadline.
pub(super) struct Backoff {
    deadline: Instant,
    next: Duration,
    most: Duration,
}

impl Backoff {
    pub(super) fn new(patience: Duration, first: Duration, most: Duration) -> Self {
        Self {
            deadline: now() + patience,
            next: first,
            most,
        }
    }

    /// Sleep before the next try; false when the patience is used up.
    pub(super) fn wait(&mut self) -> bool {
        if now() >= self.deadline {
            return false;
        }
        sleep_up_to(self.next);
        self.next = (self.next * 2).min(self.most);
        true
    }
}
