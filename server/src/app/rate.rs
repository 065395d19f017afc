//! Requests per minute of each stream.

use crate::kernel::failure::Failure;
use protocol::{ids::StreamId, problem::ProblemCode, time::Millis};
use std::{collections::HashMap, sync::Mutex};

/// Counts the requests of each stream in windows of one minute. The counts are in memory and per replica: they protect the
/// server from a defective handset and are no quota.
#[derive(Default)]
pub struct RateLimiter(Mutex<Window>);

#[derive(Default)]
struct Window {
    minute: i64,
    counts: HashMap<StreamId, u32>,
}

impl RateLimiter {
    /// Counts a request; `request.rate` with the seconds left in the window if there are too many.
    pub fn count(&self, stream: StreamId, now: Millis, most: u32) -> Result<(), Failure> {
        if most == 0 {
            return Ok(());
        }
        let minute = now.0.div_euclid(60_000);
        let mut window = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if window.minute != minute {
            *window = Window {
                minute,
                counts: HashMap::new(),
            };
        }
        let count = window.counts.entry(stream).or_insert(0);
        *count = count.saturating_add(1);
        if *count > most {
            let left = 60_000 - now.0.rem_euclid(60_000);
            return Err(Failure::later(
                ProblemCode::RateLimited,
                u32::try_from(left / 1000 + 1).unwrap_or(60),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_after_the_last_allowed_waits_for_the_next_minute() {
        let limiter = RateLimiter::default();
        let stream = StreamId::from_parts(0, [1; 10]);
        let other = StreamId::from_parts(0, [2; 10]);
        let at = Millis(60_000 * 7 + 20_000);
        assert!(limiter.count(stream, at, 2).is_ok());
        assert!(limiter.count(stream, at, 2).is_ok());
        let late = limiter.count(stream, at, 2).unwrap_err();
        assert_eq!(
            (late.public_code(), late.retry_after_s()),
            (ProblemCode::RateLimited, Some(41))
        );
        assert!(limiter.count(other, at, 2).is_ok());
        assert!(limiter.count(stream, at.plus(40_000), 2).is_ok());
        assert!((0..5).all(|_| limiter.count(stream, at, 0).is_ok()));
    }
}
