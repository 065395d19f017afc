//! Gives memory back after many connections have ended.
//!
//! Each thread of the allocator (mimalloc) has pages of its own. What other threads free of them is noticed when the thread
//! looks its pages through: once in ten thousand calls that its short lists of free blocks cannot serve. A server whose
//! handsets have left is idle and never comes to that, so it makes these calls. They cost less than a millisecond, and
//! nothing else depends on them.

use super::clock::uptime;
use std::{
    cell::Cell,
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// After so many connections it is worth the while.
const MANY: u64 = 500;
/// Calls after which the allocator looks (its option `generic_collect`), and a size that its short lists do not hold.
const CALLS: usize = 10_000;
const SIZE: usize = 2048;
/// What a look found free goes back to the system a second later, by the next look.
const LOOKS: u8 = 3;
const APART: Duration = Duration::from_secs(2);

/// Connections that ended since the start.
static ENDED: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Copy)]
struct Looked {
    /// [`ENDED`] when many had ended for the last time.
    ended: u64,
    /// Looks that are due after that.
    left: u8,
    at: Duration,
}

thread_local! {
    static LOOKED: Cell<Looked> = const {
        Cell::new(Looked { ended: 0, left: 0, at: Duration::ZERO })
    };
}

/// A connection has ended.
pub fn connection_ended() {
    ENDED.fetch_add(1, Relaxed);
}

impl Looked {
    /// Whether it is time for a look, which counts as done then.
    fn is_due(&mut self, ended: u64, now: impl FnOnce() -> Duration) -> bool {
        if ended - self.ended >= MANY {
            (self.ended, self.left) = (ended, LOOKS);
        }
        if self.left == 0 {
            return false;
        }
        let now = now();
        let is_due = now.saturating_sub(self.at) >= APART;
        if is_due {
            self.at = now;
            self.left -= 1;
        }
        is_due
    }
}

/// Called by each thread that serves connections before it waits for work.
pub fn before_waiting() {
    let mut looked = LOOKED.get();
    let is_due = looked.is_due(ENDED.load(Relaxed), uptime);
    LOOKED.set(looked);
    if is_due {
        for _ in 0..CALLS {
            drop(black_box(Vec::<u8>::with_capacity(SIZE)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issue_15_thread_looks_a_few_times_after_many_connections_and_never_for_few() {
        let mut looked = LOOKED.get();
        let mut looks = |ended: u64, seconds: std::ops::Range<u64>| {
            let due = |second: &u64| looked.is_due(ended, || Duration::from_secs(*second));
            seconds.filter(due).count()
        };
        assert_eq!(looks(MANY - 1, 10..100), 0);
        assert_eq!(looks(MANY, 100..103), 2, "at once, and when it is released");
        assert_eq!(looks(2 * MANY - 1, 103..200), 1);
        assert_eq!(looks(2 * MANY, 200..300), usize::from(LOOKS));
    }
}
