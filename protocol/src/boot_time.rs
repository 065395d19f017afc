//! When an entry was made, from the monotonic clock of the handset's boot.
//!
//! Inside one boot the monotonic clock gives order and distances. What is missing is one number, the true time minus
//! the monotonic time, and every message between the two ends bounds it: a reading was taken before the message that
//! carries it arrived, and after the message that it answers was sent. [`BootTime`] collects these bounds for one
//! boot. The time that a message was under way therefore makes the estimate less exact, never wrong, and all entries
//! of a boot are judged by the same bounds, so that they keep their order.

use crate::{
    evidence::{ClockReading, TimeBasis, TrustedTime},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// Assumed drift of a handset's monotonic clock: one part in this many.
pub const DRIFT: i64 = 10_000;
/// Longest time that a message is assumed to be under way if nothing else bounds it, in milliseconds.
const TRANSPORT_MS: i64 = 60_000;
/// Error of an offset that the handset states for a boot that the server knows nothing of, in milliseconds.
const STATED_OFFSET_MS: i64 = 5 * TRANSPORT_MS;
/// By how much bounds may contradict each other, in milliseconds: the clocks of replicas differ.
const TOLERANCE_MS: i64 = 2_000;
/// Bounds kept for one boot at most.
const MOST_BOUNDS: usize = 48;

/// An exchange of a handset with the server, as the handset measured it. The monotonic readings are of the same boot as
/// the message that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Exchange {
    /// Time that the server stated in its answer.
    pub server_time: Millis,
    /// Monotonic time at which the request was sent, milliseconds.
    pub sent_ms: i64,
    /// Monotonic time at which the answer was there, milliseconds.
    pub got_ms: i64,
}

/// Bounds of the true time minus the monotonic time, in milliseconds, at one monotonic reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The monotonic reading, milliseconds.
    pub at_ms: i64,
    /// `None` if only the arrival of the reading is known.
    pub least: Option<i64>,
    pub most: i64,
}

impl Bound {
    /// The reading was taken before `arrival`.
    pub fn before(reading_ms: i64, arrival: Millis) -> Self {
        Self {
            at_ms: reading_ms,
            least: None,
            most: arrival.0.saturating_sub(reading_ms),
        }
    }
    /// The reading was taken after the server sent `asked` and before it received the answer at `arrival`. The clocks
    /// of two replicas may be in the wrong order.
    pub fn between(asked: Millis, reading_ms: i64, arrival: Millis) -> Self {
        Self {
            at_ms: reading_ms,
            least: Some(asked.min(arrival).0.saturating_sub(reading_ms)),
            most: asked.max(arrival).0.saturating_sub(reading_ms),
        }
    }
    /// What an exchange shows. `None` if its readings are not in order.
    pub fn of(exchange: &Exchange) -> Option<Self> {
        let Exchange {
            server_time,
            sent_ms,
            got_ms,
        } = *exchange;
        (0 <= sent_ms && sent_ms <= got_ms).then(|| Self {
            at_ms: got_ms,
            least: Some(server_time.0.saturating_sub(got_ms)),
            most: server_time.0.saturating_sub(sent_ms),
        })
    }
    /// The bounds that follow for another reading: the clock drifts.
    fn seen_from(&self, reading_ms: i64) -> (Option<i64>, i64) {
        let drift = reading_ms.saturating_sub(self.at_ms).saturating_abs() / DRIFT;
        (
            self.least.map(|least| least.saturating_sub(drift)),
            self.most.saturating_add(drift),
        )
    }
    /// Returns true if `other` follows from this bound.
    fn implies(&self, other: &Self) -> bool {
        let (least, most) = self.seen_from(other.at_ms);
        most <= other.most && (other.least.is_none() || least >= other.least)
    }
}

/// What a new bound did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learnt {
    /// It says nothing new.
    Known,
    /// Estimates of this boot may be more exact now.
    Better,
    /// It contradicts the other bounds and was not used.
    Contradicts,
}

/// What is known of the true time in one boot of one handset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootTime {
    /// Readings below this one are not covered: one of the two clocks was changed during the boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since_ms: Option<i64>,
    bounds: Vec<Bound>,
}

impl BootTime {
    /// Adds a bound that the server measured from the arrival of a message.
    pub fn learn(&mut self, bound: Bound) -> Learnt {
        if let Some((least, most)) = self.at(bound.at_ms) {
            let low = bound.most < least.saturating_sub(TOLERANCE_MS);
            let high = bound.least.is_some_and(|b| b > most.saturating_add(TOLERANCE_MS));
            if low || high {
                return Learnt::Contradicts;
            }
        }
        if self.bounds.iter().any(|known| known.implies(&bound)) {
            return Learnt::Known;
        }
        self.bounds.retain(|known| !bound.implies(known));
        self.bounds.push(bound);
        if self.bounds.len() > MOST_BOUNDS {
            let width = |b: &Bound| b.least.map_or(i64::MAX, |least| b.most.saturating_sub(least));
            let widest = self
                .bounds
                .iter()
                .enumerate()
                .max_by_key(|(_, b)| width(b))
                .map(|(i, _)| i);
            if let Some(widest) = widest {
                self.bounds.remove(widest);
            }
        }
        Learnt::Better
    }
    /// Adds what an answered challenge shows: both of its bounds are the server's own. If it contradicts earlier ones,
    /// one of the clocks was changed; it replaces them, and earlier readings are not covered any more.
    pub fn learn_challenge(&mut self, bound: Bound) -> Learnt {
        let learnt = self.learn(bound);
        if learnt == Learnt::Contradicts {
            *self = Self {
                since_ms: Some(bound.at_ms),
                bounds: vec![bound],
            };
        }
        learnt
    }
    /// The bounds of the true time minus the monotonic time at a reading, in milliseconds. `None` if nothing is known.
    /// Increases or decreases by at most one part in [`DRIFT`] of the monotonic time.
    fn at(&self, reading_ms: i64) -> Option<(i64, i64)> {
        let seen = || self.bounds.iter().map(|bound| bound.seen_from(reading_ms));
        let most = seen().map(|(_, most)| most).min()?;
        let least = seen().filter_map(|(least, _)| least).max();
        Some((least.unwrap_or(most.saturating_sub(TRANSPORT_MS)), most))
    }
    /// The true time of a reading, with its uncertainty. `None` if the reading is not covered. A later reading never
    /// gives an earlier time.
    pub fn time_of(&self, reading_ms: i64) -> Option<(Millis, i64)> {
        if reading_ms < self.since_ms.unwrap_or(0) {
            return None;
        }
        let (least, most) = self.at(reading_ms)?;
        let best = if least <= most {
            self.best()?.clamp(least, most)
        } else {
            middle(least, most)
        };
        let uncertainty = most
            .saturating_sub(best)
            .saturating_abs()
            .max(best.saturating_sub(least).saturating_abs());
        Some((Millis(reading_ms.saturating_add(best)), uncertainty))
    }
    /// The middle of the bounds where they are closest. One value for the whole boot, so that drift, which widens the
    /// bounds of one side more than those of the other, moves no estimate without need.
    fn best(&self) -> Option<i64> {
        let width = |reading_ms| {
            let (least, most) = self.at(reading_ms)?;
            Some((most.saturating_sub(least), middle(least, most)))
        };
        self.bounds
            .iter()
            .filter_map(|bound| width(bound.at_ms))
            .min_by_key(|(width, _)| width.saturating_abs())
            .map(|(_, middle)| middle)
    }
    /// Readings from this one on are covered, milliseconds.
    pub fn covers_from(&self) -> i64 {
        self.since_ms.unwrap_or(0)
    }
}

fn middle(least: i64, most: i64) -> i64 {
    least.saturating_add(most.saturating_sub(least).div_euclid(2))
}

/// What the server knows when it judges the time of an entry.
#[derive(Debug, Clone, Copy)]
pub struct TimeFrame<'a> {
    /// What is known of the boot in which the entry was made; `None` if the server knows nothing of that boot.
    pub boot: Option<&'a BootTime>,
    /// False if the message that brought the entry contradicts that knowledge.
    pub consistent: bool,
    /// Enrolment of the stream, or of the first one of its chain: nothing was made before it.
    pub enrolled: Millis,
    /// Nothing is made after it arrived.
    pub arrival: Millis,
}

/// Judges when an entry was made.
///
/// The boot's monotonic clock gives the time if the server knows the boot, however wrong the wall clock is (failure
/// story 33). In a boot without contact, the offset that the handset states is used. A time before the enrolment or after
/// the arrival is believed of neither; then only the wall clock remains, also bounded by both, and the uncertainty spans
/// all that is possible.
pub fn trusted_time(made: &ClockReading, frame: TimeFrame<'_>) -> TrustedTime {
    let TimeFrame {
        boot,
        consistent,
        enrolled,
        arrival,
    } = frame;
    let found = match boot {
        Some(boot) => boot
            .time_of(made.monotonic_ms)
            .filter(|_| consistent)
            .map(|(at, error)| (at, error, TimeBasis::Monotonic)),
        None => made
            .offset_ms
            .map(|_| (made.estimate(), STATED_OFFSET_MS, TimeBasis::Offset)),
    };
    let possible = |at: Millis, error: i64| {
        at.plus(error) >= enrolled && at.plus(error.saturating_add(TOLERANCE_MS).saturating_neg()) <= arrival
    };
    match found {
        Some((at, uncertainty_ms, basis)) if possible(at, uncertainty_ms) => TrustedTime {
            at: at.max(enrolled).min(arrival),
            uncertainty_ms,
            basis,
        },
        Some(_) | None => wall_only(made.wall, enrolled, arrival),
    }
}

/// The time by the wall clock alone: the arrival if the wall clock says what is impossible.
pub fn wall_only(wall: Millis, enrolled: Millis, arrival: Millis) -> TrustedTime {
    let at = if enrolled <= wall && wall <= arrival {
        wall
    } else {
        arrival
    };
    TrustedTime {
        at,
        uncertainty_ms: at.since(enrolled).max(arrival.since(at)).max(TRANSPORT_MS),
        basis: TimeBasis::WallOnly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_795_000_000_000;
    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;

    fn reading(wall: i64, monotonic_ms: i64, offset_ms: Option<i64>) -> ClockReading {
        ClockReading {
            wall: Millis(wall),
            boot: "b1".into(),
            monotonic_ms,
            offset_ms,
        }
    }
    fn frame(boot: Option<&BootTime>) -> TimeFrame<'_> {
        TimeFrame {
            boot,
            consistent: true,
            enrolled: Millis(NOW - 30 * DAY),
            arrival: Millis(NOW),
        }
    }
    fn known(bounds: &[Bound]) -> BootTime {
        let mut boot = BootTime::default();
        for bound in bounds {
            assert_eq!(boot.learn(*bound), Learnt::Better);
        }
        boot
    }

    #[test]
    fn a_clock_three_years_off_does_not_move_an_entry_of_the_same_boot() {
        let boot = known(&[Bound::between(Millis(NOW - 40), 3_601_000, Millis(NOW))]);
        for lie in [-3 * YEAR, 3 * YEAR] {
            let t = trusted_time(&reading(NOW + lie, 1_000, None), frame(Some(&boot)));
            assert_eq!(t.at, Millis(NOW - HOUR - 20));
            assert_eq!(
                (t.uncertainty_ms, t.basis),
                (20 + HOUR / DRIFT, TimeBasis::Monotonic)
            );
        }
    }

    #[test]
    fn without_an_exchange_the_message_may_have_been_a_minute_under_way() {
        let boot = known(&[Bound::before(3_601_000, Millis(NOW))]);
        let t = trusted_time(&reading(0, 3_601_000, None), frame(Some(&boot)));
        assert_eq!((t.at, t.uncertainty_ms), (Millis(NOW - 30_000), 30_000));
    }

    #[test]
    fn in_a_boot_without_contact_the_offset_known_at_creation_is_used() {
        let made = reading(NOW - YEAR, 9_000_000, Some(YEAR - 2 * HOUR));
        let t = trusted_time(&made, frame(None));
        assert_eq!((t.at, t.basis), (Millis(NOW - 2 * HOUR), TimeBasis::Offset));
        assert_eq!(t.uncertainty_ms, STATED_OFFSET_MS);
    }

    #[test]
    fn sec_a09_no_clock_makes_an_entry_older_than_its_stream_or_younger_than_its_arrival() {
        let untrusted = |made: &ClockReading, boot: Option<&BootTime>| {
            let t = trusted_time(made, frame(boot));
            assert_eq!((t.at, t.basis), (Millis(NOW), TimeBasis::WallOnly));
            assert_eq!(t.uncertainty_ms, 30 * DAY);
        };
        // The boot is said to be 400 days old.
        let boot = known(&[Bound::between(Millis(NOW - 40), 400 * DAY, Millis(NOW))]);
        untrusted(&reading(NOW - 400 * DAY, 0, None), Some(&boot));
        // A GPS week rollover in both directions, and a wall clock that says the same.
        for lie in [-1024 * 7 * DAY, 1024 * 7 * DAY] {
            untrusted(&reading(NOW, 5, Some(lie)), None);
            untrusted(&reading(NOW + lie, 5, None), None);
        }
        // A reading after that of the message that brought it.
        untrusted(&reading(NOW + YEAR, 800 * DAY, None), Some(&boot));
        // A wall clock that says what is possible is used, and the uncertainty says that it is alone.
        let t = trusted_time(&reading(NOW - 10 * DAY, 5, None), frame(None));
        assert_eq!((t.at, t.uncertainty_ms), (Millis(NOW - 10 * DAY), 20 * DAY));
    }

    #[test]
    fn sec_a09_a_jump_of_the_monotonic_clock_inside_a_boot_contradicts_the_exchange() {
        let mut boot = known(&[Bound::between(Millis(NOW - 100), 1_000, Millis(NOW))]);
        let jumped = Bound::before(2_000 + 3 * HOUR, Millis(NOW + 1_000));
        assert_eq!(boot.learn(jumped), Learnt::Contradicts);
        let lie = TimeFrame {
            consistent: false,
            ..frame(Some(&boot))
        };
        assert_eq!(
            trusted_time(&reading(NOW, 3_000, None), lie).basis,
            TimeBasis::WallOnly
        );
        // The next challenge counts from there on, and only from there on.
        let next = Bound::between(Millis(NOW + 1_900), 2_000 + 3 * HOUR, Millis(NOW + 2_000));
        assert_eq!(boot.learn_challenge(next), Learnt::Contradicts);
        assert_eq!(boot.time_of(2 * HOUR), None);
        assert_eq!(boot.time_of(2_000 + 3 * HOUR), Some((Millis(NOW + 1_950), 50)));
    }

    #[test]
    fn what_a_handset_says_of_an_exchange_counts_within_the_servers_own_bounds() {
        let mut boot = known(&[Bound::between(Millis(NOW - 50_000), 100_000, Millis(NOW))]);
        let exchange = |server: i64, sent_ms, got_ms| {
            Bound::of(&Exchange {
                server_time: Millis(server),
                sent_ms,
                got_ms,
            })
        };
        assert_eq!(exchange(NOW, 10, 9), None);
        let lie = exchange(NOW - HOUR, 100_000, 100_050).unwrap();
        assert_eq!(boot.learn(lie), Learnt::Contradicts);
        let short = exchange(NOW - 10_000, 90_000, 90_050).unwrap();
        assert_eq!(boot.learn(short), Learnt::Better);
        assert_eq!(boot.time_of(100_000), Some((Millis(NOW - 25), 25)));
    }

    /// A message: when it is sent (true time), how long it is under way there and back.
    fn journeys(count: usize) -> impl Strategy<Value = Vec<(i64, i64, i64)>> {
        prop::collection::vec((0..12 * HOUR, 50..55_000_i64, 50..55_000_i64), count)
    }

    proptest! {
        /// 200 entries of one boot in pushes of any size, each message 0.05 to 55 s under way.
        #[test]
        fn field_02_latency_moves_no_entry_and_swaps_none(
            booted in 0..10 * DAY,
            mut made in prop::collection::vec(0..12 * HOUR, 200),
            challenges in journeys(6),
            exchanges in journeys(6),
            pushes in journeys(30),
        ) {
            made.sort_unstable();
            let start = NOW - 13 * HOUR;
            let monotonic = |true_ms: i64| booted + true_ms;
            let mut boot = BootTime::default();
            let mut shortest = i64::MAX;
            // The server's challenge comes to the handset, the handset's answer goes back.
            for (asked, down, up) in &challenges {
                let read = asked + down;
                boot.learn_challenge(Bound::between(Millis(start + asked), monotonic(read), Millis(start + read + up)));
                shortest = shortest.min(down + up);
            }
            for (sent, up, down) in &exchanges {
                let exchange = Exchange {
                    server_time: Millis(start + sent + up),
                    sent_ms: monotonic(*sent),
                    got_ms: monotonic(sent + up + down),
                };
                prop_assert_ne!(boot.learn(Bound::of(&exchange).unwrap()), Learnt::Contradicts);
                shortest = shortest.min(up + down);
            }
            for (sent, up, _) in &pushes {
                let bound = Bound::before(monotonic(*sent), Millis(start + sent + up));
                prop_assert_ne!(boot.learn(bound), Learnt::Contradicts);
                // After every push all entries are in order and near their true time.
                let mut before = Millis(i64::MIN);
                for true_ms in &made {
                    let clock = reading(0, monotonic(*true_ms), None);
                    let t = trusted_time(&clock, frame(Some(&boot)));
                    let error = t.at.since(Millis(start + true_ms)).abs();
                    prop_assert!(t.at >= before);
                    prop_assert!(error <= t.uncertainty_ms && error <= shortest + 12 * HOUR / DRIFT);
                    prop_assert_eq!(t.basis, TimeBasis::Monotonic);
                    before = t.at;
                }
            }
        }

        /// Whatever was learnt, also contradictions: order is kept, and nothing is outside of the stream's life.
        #[test]
        fn any_bounds_keep_the_order_of_a_boot(
            bounds in prop::collection::vec((0..DAY, -DAY..DAY, 0..HOUR, any::<bool>()), 1..80),
            mut readings in prop::collection::vec(any::<i64>(), 2..50),
        ) {
            let mut boot = BootTime::default();
            for (at_ms, least, width, both) in bounds {
                let bound = Bound { at_ms, least: both.then_some(NOW + least), most: NOW + least + width };
                if both { boot.learn_challenge(bound); } else { boot.learn(bound); }
            }
            prop_assert!(boot.bounds.len() <= MOST_BOUNDS);
            readings.sort_unstable();
            let times: Vec<_> = readings.iter().filter_map(|m| boot.time_of(*m)).collect();
            prop_assert!(times.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            for m in readings {
                let t = trusted_time(&reading(m, m, Some(m)), frame(Some(&boot)));
                prop_assert!(t.at >= Millis(NOW - 30 * DAY) && t.at <= Millis(NOW) && t.uncertainty_ms >= 0);
            }
        }
    }
}
