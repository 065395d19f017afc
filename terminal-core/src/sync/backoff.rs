//! The wait after the n-th failure: exponential with full jitter, so that 300 handsets that lost the server
//! together do not return together.

use crate::{
    Result,
    platform::random::{Random, random_bytes},
    store::retry::{LONGEST_WAIT, Retry},
    sync::failure::{FailureKind, SyncFailure},
};
use protocol::time::Millis;

/// First and longest upper bound of a wait in milliseconds, for failures that should pass by themselves.
const SOON: (i64, i64) = (2_000, 15 * 60_000);

/// The same for refusals: they do not pass soon, but nothing is given up.
const LATER: (i64, i64) = (10 * 60_000, LONGEST_WAIT);

/// Shortest wait in milliseconds.
const SHORTEST: i64 = 500;

/// The retry state after one more failure.
pub fn after(failure: &SyncFailure, attempts: u32, now: Millis, random: &dyn Random) -> Result<Retry> {
    let (first, longest) = match failure.kind {
        FailureKind::Refused | FailureKind::Split => LATER,
        FailureKind::Network | FailureKind::Transient { .. } | FailureKind::Authenticate => SOON,
    };
    let bound = first.saturating_mul(1 << attempts.min(20)).min(longest);
    let dice = |bound: i64| -> Result<i64> {
        let number = u32::from_le_bytes(random_bytes(random)?);
        Ok(i64::from(number) % bound.max(1))
    };
    let (wait, asked) = match failure.kind {
        // Slightly later than asked, at random; never earlier.
        FailureKind::Transient {
            retry_after_ms: Some(asked),
        } => {
            let asked = asked.clamp(0, LONGEST_WAIT);
            (asked.saturating_add(dice((asked / 10).max(1_000))?), true)
        }
        _ => (dice(bound)?.max(SHORTEST), false),
    };
    Ok(Retry {
        attempts: attempts.saturating_add(1),
        not_before: now.plus(wait.min(LONGEST_WAIT)),
        asked,
        problem: Some(failure.reason.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::random::SystemRandom;
    use protocol::{entry::Reason, problem::ErrorCode};

    fn wait(kind: FailureKind, attempts: u32) -> i64 {
        let failure = SyncFailure {
            kind,
            reason: Reason::new(ErrorCode::parse("x"), "x", "x"),
        };
        after(&failure, attempts, Millis(0), &SystemRandom)
            .unwrap()
            .not_before
            .0
    }

    #[test]
    fn waits_grow_up_to_a_limit() {
        for attempts in 0..64 {
            for _ in 0..50 {
                let soon = wait(FailureKind::Network, attempts);
                assert!((SHORTEST..=SOON.1).contains(&soon), "{soon}");
                assert!(soon <= SOON.0 << attempts.min(20));
                assert!(wait(FailureKind::Refused, attempts) <= LONGEST_WAIT);
            }
        }
        assert!((0..200).map(|_| wait(FailureKind::Network, 30)).max().unwrap() > SOON.1 / 2);
    }

    #[test]
    fn a_wait_the_server_asked_for_is_never_shortened() {
        for _ in 0..100 {
            let wait = wait(
                FailureKind::Transient {
                    retry_after_ms: Some(60_000),
                },
                3,
            );
            assert!((60_000..=66_000).contains(&wait), "{wait}");
        }
    }
}
