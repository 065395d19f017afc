//! Waiting before another try: longer each time, never in step with the others who wait.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// A random part of `most`.
pub(super) fn jitter(most: Duration) -> Duration {
    // Each RandomState has its own keys: random enough to fall out of step, and no further dependency.
    let parts = RandomState::new().build_hasher().finish() % 1024;
    most.mul_f64(parts as f64 / 1024.0)
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
            deadline: Instant::now() + patience,
            next: first,
            most,
        }
    }

    /// Sleep before the next try; false when the patience is used up.
    pub(super) fn wait(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        std::thread::sleep(jitter(self.next));
        self.next = (self.next * 2).min(self.most);
        true
    }
}
