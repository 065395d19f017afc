//! Requests per minute of each caller.

use crate::kernel::failure::Failure;
use protocol::{
    ids::{PersonId, StreamId},
    problem::ProblemCode,
    time::Millis,
};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

const DAY_MS: i64 = 86_400_000;

/// Who makes a request. What a stream or a person does counts for that stream or person alone, whatever others do from the
/// same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateCaller {
    Stream(StreamId),
    Person(PersonId),
    /// What a stream pushes, in kB.
    Pushed(StreamId),
    /// The parcels of a stream, which may have ended.
    Parcels(StreamId),
    /// The same from one address: whether the stream sealed them is known only when they are here.
    ParcelsFrom(StreamId, IpAddr),
    /// Somebody who is not signed in, from this address or network, at one of the open routes.
    Stranger(IpAddr, Door),
    /// A stream that asks for a token or hands over a parcel from an address whose count is used up.
    Returning(StreamId),
}

/// What a stranger asks for. Each has a count of its own, so that a flood at one does not close the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    SignIn,
    Enrol,
    Challenge,
    Token,
    Parcel,
    /// A request with a token that nobody has.
    WrongToken,
    Other,
}

/// Counts the requests of each caller in windows of one minute. The counts are in memory and per replica: they protect the
/// server from a defective client and are no quota.
#[derive(Default)]
pub struct RateLimiter {
    window: Mutex<Window>,
    day: Mutex<Day>,
}

/// What streams have spent on a day (UTC).
#[derive(Default)]
struct Day {
    number: i64,
    spent: HashMap<StreamId, u64>,
}

#[derive(Default)]
struct Window {
    minute: i64,
    counts: HashMap<RateCaller, u32>,
}

impl RateLimiter {
    /// Counts a request; `request.rate` with the seconds left in the window if there are more than `most`. 0 = no limit.
    pub fn count(&self, caller: RateCaller, now: Millis, most: u32) -> Result<(), Failure> {
        self.count_many(caller, 1, now, most)
    }
    /// As [`Self::count`] for a request that counts as `units`. The first one in a window always fits.
    pub fn count_many(&self, caller: RateCaller, units: u32, now: Millis, most: u32) -> Result<(), Failure> {
        if most == 0 {
            return Ok(());
        }
        let minute = now.0.div_euclid(60_000);
        let mut window = self.window();
        if window.minute != minute {
            *window = Window {
                minute,
                counts: HashMap::new(),
            };
        }
        let count = window.counts.entry(caller).or_insert(0);
        let is_first = *count == 0;
        *count = count.saturating_add(units);
        if *count > most && !is_first {
            return Err(late(now));
        }
        Ok(())
    }
    /// As [`Self::count`], without counting: the error that the next request would get.
    pub fn look(&self, caller: RateCaller, now: Millis, most: u32) -> Result<(), Failure> {
        let minute = now.0.div_euclid(60_000);
        let window = self.window();
        let is_full = window.counts.get(&caller).is_some_and(|count| *count >= most);
        match most > 0 && window.minute == minute && is_full {
            true => Err(late(now)),
            false => Ok(()),
        }
    }
    /// Takes back a request that was counted: it showed that the caller is no stranger.
    pub fn refund(&self, caller: RateCaller) {
        if let Some(count) = self.window().counts.get_mut(&caller) {
            *count = count.saturating_sub(1);
        }
    }
    /// Counts what a stream brings in a day; `request.rate` with the time until the next day if it is more than `most`.
    /// The first thing of a day always fits.
    pub fn spend(&self, stream: StreamId, now: Millis, cost: u64, most: u64) -> Result<(), Failure> {
        let number = now.0.div_euclid(DAY_MS);
        let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        if day.number != number {
            *day = Day {
                number,
                spent: HashMap::new(),
            };
        }
        let spent = day.spent.entry(stream).or_insert(0);
        if *spent > 0 && spent.saturating_add(cost) > most {
            let left = DAY_MS - now.0.rem_euclid(DAY_MS);
            let seconds = u32::try_from(left / 1000 + 1).unwrap_or(u32::MAX);
            return Err(Failure::later(ProblemCode::RateLimited, seconds));
        }
        *spent = spent.saturating_add(cost);
        Ok(())
    }
    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `request.rate` until the next window.
fn late(now: Millis) -> Failure {
    let left = 60_000 - now.0.rem_euclid(60_000);
    Failure::later(
        ProblemCode::RateLimited,
        u32::try_from(left / 1000 + 1).unwrap_or(60),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_after_the_last_allowed_waits_for_the_next_minute() {
        let limiter = RateLimiter::default();
        let stream = RateCaller::Stream(StreamId::from_parts(0, [1; 10]));
        let other = RateCaller::Stream(StreamId::from_parts(0, [2; 10]));
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

    #[test]
    fn sec_a17_bytes_of_pushes_beyond_the_limit_of_a_minute_wait_for_the_next() {
        let limiter = RateLimiter::default();
        let stream = RateCaller::Pushed(StreamId::from_parts(0, [1; 10]));
        let push = |kilobytes, at| limiter.count_many(stream, kilobytes, Millis(at), 100);
        assert!(push(60, 0).is_ok() && push(40, 1).is_ok());
        assert_eq!(push(1, 30_000).unwrap_err().retry_after_s(), Some(31));
        assert!(push(500, 60_000).is_ok(), "the first one always fits");
        assert!(push(1, 61_000).is_err() && push(1, 120_000).is_ok());
    }

    #[test]
    fn what_a_stream_brings_beyond_the_limit_of_a_day_waits_for_the_next() {
        let limiter = RateLimiter::default();
        let (stream, other) = (StreamId::from_parts(0, [1; 10]), StreamId::from_parts(0, [2; 10]));
        assert!(limiter.spend(stream, Millis(0), 8, 10).is_ok());
        assert!(limiter.spend(other, Millis(0), 20, 10).is_ok());
        let late = limiter.spend(stream, Millis(DAY_MS - 5000), 3, 10).unwrap_err();
        assert_eq!(late.retry_after_s(), Some(6));
        assert!(limiter.spend(stream, Millis(DAY_MS), 3, 10).is_ok());
    }

    #[test]
    fn sign_ins_are_taken_back_from_the_count_of_their_address() {
        let limiter = RateLimiter::default();
        let desks = RateCaller::Stranger("192.0.2.7".parse().unwrap(), Door::SignIn);
        for _ in 0..100 {
            assert!(limiter.count(desks, Millis(0), 2).is_ok());
            limiter.refund(desks);
        }
    }

    #[test]
    fn looking_counts_nothing_and_says_what_counting_would() {
        let limiter = RateLimiter::default();
        let caller = RateCaller::Stranger("192.0.2.7".parse().unwrap(), Door::WrongToken);
        let looks = |at| limiter.look(caller, Millis(at), 2).is_ok();
        assert!((0..5).all(|_| looks(0)));
        assert!(limiter.count(caller, Millis(0), 2).is_ok() && looks(0));
        assert!(limiter.count(caller, Millis(0), 2).is_ok() && !looks(0));
        assert!(looks(60_000) && limiter.look(caller, Millis(0), 0).is_ok());
    }
}
