//! What is known of the true time, stored as its difference to the monotonic clock of one boot, so that
//! changing the wall clock does not affect it.
//!
//! Every exchange carries the server's time. The one with the smallest round trip is the most exact, until it
//! is so old that clock drift exceeds its error. Before the first exchange of a boot, satellite fixes are used: two
//! that agree on the monotonic clock, because a single one may be cached, or off by 1024 weeks. The age of a fix is that of
//! the monotonic clock; where the platform does not state it, the time of its use counts.

use crate::{
    Result,
    platform::clock::ClockRaw,
    store::{
        database::HandsetStore,
        settings,
        sql::{from_json, to_json},
    },
};
use protocol::{
    boot_time::Exchange,
    evidence::{ClockReading, Position},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// The position provider that reports satellite time.
const SATELLITES: &str = "gps";

/// Assumed clock drift of a cheap handset: one part in this many.
const DRIFT: i64 = 10_000;

/// Two satellite fixes agree when their times and their monotonic times are this close, in milliseconds. Where the monotonic
/// time is that of its use, a fix was taken some seconds before.
const AGREE_MS: i64 = 5_000;

/// Two fixes with times closer than this, in milliseconds, may be one fix.
const APART_MS: i64 = 500;

/// Fixes that are kept for comparison. A draft brings an old one again, between two new ones.
const SEEN: usize = 4;

/// No satellite fix is from before this version of the product. A release says when its commit was made
/// (`SOURCE_DATE_EPOCH`, set by `cargo xtask package` and the recipe for phones).
const BUILT: Millis = built(option_env!("SOURCE_DATE_EPOCH"));

/// Any version is later: 2026-11-01 in Asia/Shanghai. Builds without `SOURCE_DATE_EPOCH`, which are those of developers and
/// tests, use it.
const EARLIEST_BUILD: Millis = Millis(1_793_462_400_000);

/// The wall clock and a fix agree when they are this close, in milliseconds: the wall clock of a phone that was set once is
/// off by a time zone or a day at most.
const WALL_NEAR_MS: i64 = 86_400_000;

/// A fix needs no wall clock that agrees with it for this long after the build, the enrolment or the last answer of the
/// server, in milliseconds.
const KNOWN_NEAR_MS: i64 = 31 * 86_400_000;

/// No satellite fix is later than this long after the build, in milliseconds: half of the 1024 weeks after which the
/// receivers' week number repeats.
const LIFE_MS: i64 = 512 * 7 * 86_400_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KnownTime {
    boot: String,
    /// True time minus monotonic time, milliseconds.
    #[serde(alias = "server_minus_monotonic_ms")]
    true_minus_monotonic_ms: i64,
    /// Half of the round trip, milliseconds. Records of older versions lack it and are replaced by the next
    /// exchange.
    #[serde(default = "unknown")]
    error_ms: i64,
    /// Monotonic time at which it was learnt, milliseconds.
    #[serde(default)]
    learnt_ms: i64,
    /// Learnt from a satellite fix, which is only a lower bound.
    #[serde(default)]
    satellites: bool,
    /// The exchange from which it was learnt, for the server. Records of older versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exchange: Option<Exchange>,
}

/// The time that `SOURCE_DATE_EPOCH` states in seconds; the earliest build where it states none, or one that is not possible.
const fn built(epoch: Option<&str>) -> Millis {
    let Some(text) = epoch else {
        return EARLIEST_BUILD;
    };
    match i64::from_str_radix(text, 10) {
        Ok(seconds) => {
            let stated = seconds.saturating_mul(1000);
            if stated > EARLIEST_BUILD.0 {
                Millis(stated)
            } else {
                EARLIEST_BUILD
            }
        }
        Err(_) => EARLIEST_BUILD,
    }
}

/// Returns true if a fix may set the clock: it is not from before `earliest` (the build, the enrolment, the last time that the
/// server stated), not later than the receivers' week number allows, and either the wall clock at that moment or what is known
/// of the past agrees with it. A receiver that is years ahead finds neither.
fn is_possible(fix_time: Millis, wall: Millis, earliest: Millis) -> bool {
    let is_near_wall = fix_time.since(wall).saturating_abs() <= WALL_NEAR_MS;
    let is_near_known = fix_time.since(earliest) <= KNOWN_NEAR_MS;
    (earliest..=BUILT.plus(LIFE_MS)).contains(&fix_time) && (is_near_wall || is_near_known)
}

/// A satellite fix as it was seen: its time minus the monotonic time at which it was measured, or of its use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeenFix {
    boot: String,
    fix_time: Millis,
    true_minus_monotonic_ms: i64,
}

impl SeenFix {
    /// Returns true if the two are different fixes and their times advanced like the monotonic clock.
    fn agrees_with(&self, other: &Self) -> bool {
        let apart = self.fix_time.since(other.fix_time).saturating_abs();
        let differ = self
            .true_minus_monotonic_ms
            .saturating_sub(other.true_minus_monotonic_ms)
            .saturating_abs();
        self.boot == other.boot && apart >= APART_MS && differ <= AGREE_MS
    }
}

/// Returns the true time minus the monotonic time by the fixes that agree with `new`, if there are any. A fix is never
/// from the future, so the largest value counts among those that agree; a value that they contradict is corrected, also
/// downward.
fn satellite_time(seen: &[SeenFix], new: &SeenFix, old: Option<i64>) -> Option<i64> {
    let agreeing = seen.iter().filter(|fix| fix.agrees_with(new));
    let best = agreeing
        .map(|fix| fix.true_minus_monotonic_ms.max(new.true_minus_monotonic_ms))
        .max()?;
    match old {
        Some(old) if old >= best && old.saturating_sub(best) <= AGREE_MS => None,
        Some(_) | None => Some(best),
    }
}

const fn unknown() -> i64 {
    i64::MAX / 4
}

impl KnownTime {
    /// The possible error at `monotonic_ms`, in milliseconds, with drift.
    fn error_at(&self, monotonic_ms: i64) -> i64 {
        let age = monotonic_ms.saturating_sub(self.learnt_ms).max(0);
        self.error_ms.saturating_add(age / DRIFT)
    }
    /// Returns true if this exchange is more exact than the stored estimate.
    fn is_better_than(&self, old: Option<&Self>) -> bool {
        let Some(old) = old.filter(|old| old.boot == self.boot && !old.satellites) else {
            return true;
        };
        let old_error = old.error_at(self.learnt_ms);
        let apart = self
            .true_minus_monotonic_ms
            .saturating_sub(old.true_minus_monotonic_ms)
            .saturating_abs();
        // The two contradict each other: the server's clock was changed, and the newer value counts.
        self.error_ms <= old_error || apart > old_error.saturating_add(self.error_ms)
    }
}

impl HandsetStore {
    /// Learns the server's time: the exchange began at `sent` and ended at `got`, and the server read its
    /// clock in between. Exchanges across a reboot are ignored.
    pub(crate) fn learn_server_time(&self, sent: &ClockRaw, got: &ClockRaw, server: Millis) -> Result<()> {
        self.write(|tx| {
            settings::set(tx, settings::keys::LAST_CONTACT, &got.wall.0.to_string())?;
            settings::set(tx, settings::keys::LAST_SERVER_TIME, &server.0.to_string())?;
            let trip = got.monotonic_ms.saturating_sub(sent.monotonic_ms);
            if sent.boot != got.boot || trip < 0 {
                return Ok(());
            }
            let middle = got.monotonic_ms.saturating_sub(trip / 2);
            let new = KnownTime {
                boot: got.boot.clone(),
                true_minus_monotonic_ms: server.0.saturating_sub(middle),
                error_ms: trip / 2,
                learnt_ms: got.monotonic_ms,
                satellites: false,
                exchange: Some(Exchange {
                    server_time: server,
                    sent_ms: sent.monotonic_ms,
                    got_ms: got.monotonic_ms,
                }),
            };
            let old = settings::get(tx, settings::keys::SERVER_CLOCK)?
                .map(|text| from_json::<KnownTime>(&text))
                .transpose()?;
            if !new.is_better_than(old.as_ref()) {
                return Ok(());
            }
            settings::set(tx, settings::keys::SERVER_CLOCK, &to_json(&new)?)
        })
    }
    /// Learns the time of a satellite fix while no server time is known in this boot. Two fixes that agree are needed.
    /// Mock positions, other providers and fixes with an impossible time ([`is_possible`]) are ignored.
    pub(crate) fn learn_satellite_time(&self, now: &ClockRaw, fix: &Position) -> Result<()> {
        if fix.mock || fix.provider != SATELLITES {
            return Ok(());
        }
        let age_ms = fix.age_at(now.monotonic_ms).unwrap_or(0);
        if !is_possible(fix.fix_time, now.wall.plus(-age_ms), self.earliest_now()?) {
            return Ok(());
        }
        let new = SeenFix {
            boot: now.boot.clone(),
            fix_time: fix.fix_time,
            true_minus_monotonic_ms: fix
                .fix_time
                .0
                .saturating_sub(now.monotonic_ms.saturating_sub(age_ms)),
        };
        let known = self.known()?.filter(|old| old.boot == new.boot);
        if known.as_ref().is_some_and(|old| !old.satellites) {
            return Ok(());
        }
        self.write(|tx| {
            let mut seen: Vec<SeenFix> = settings::get(tx, settings::keys::SEEN_FIXES)?
                .map(|text| from_json(&text))
                .transpose()?
                .unwrap_or_default();
            seen.retain(|fix| fix.boot == new.boot);
            if seen.iter().any(|fix| fix.fix_time == new.fix_time) {
                return Ok(());
            }
            let old = known.as_ref().map(|known| known.true_minus_monotonic_ms);
            if let Some(true_minus_monotonic_ms) = satellite_time(&seen, &new, old) {
                let known = KnownTime {
                    boot: new.boot.clone(),
                    true_minus_monotonic_ms,
                    error_ms: unknown(),
                    learnt_ms: now.monotonic_ms,
                    satellites: true,
                    exchange: None,
                };
                settings::set(tx, settings::keys::SERVER_CLOCK, &to_json(&known)?)?;
            }
            seen.push(new.clone());
            let too_many = seen.len().saturating_sub(SEEN);
            seen.drain(..too_many);
            settings::set(tx, settings::keys::SEEN_FIXES, &to_json(&seen)?)
        })
    }
    /// No present moment is before this: the build, the enrolment, and the last time that the server stated.
    fn earliest_now(&self) -> Result<Millis> {
        let stated = self.read(|c| settings::get(c, settings::keys::LAST_SERVER_TIME))?;
        let stated = stated
            .and_then(|text| text.parse().ok())
            .map_or(Millis(0), Millis);
        Ok(BUILT.max(self.account()?.enrolled).max(stated))
    }
    /// Adds the estimated offset to the server (ms); `None` if nothing is known in this boot. Evidence and
    /// envelopes contain the result.
    pub fn clock_reading(&self, raw: ClockRaw) -> Result<ClockReading> {
        let offset = self.known()?.filter(|known| known.boot == raw.boot).map(|known| {
            known
                .true_minus_monotonic_ms
                .saturating_add(raw.monotonic_ms)
                .saturating_sub(raw.wall.0)
        });
        Ok(raw.reading(offset))
    }
    /// The exchange with the server by which this boot's time is known best, for the envelope of a push.
    pub(crate) fn shortest_exchange(&self, now: &ClockRaw) -> Result<Option<Exchange>> {
        let known = self.known()?.filter(|known| known.boot == now.boot);
        Ok(known.and_then(|known| known.exchange))
    }
    fn known(&self) -> Result<Option<KnownTime>> {
        self.read(|c| {
            settings::get(c, settings::keys::SERVER_CLOCK)?
                .map(|text| from_json(&text))
                .transpose()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(offset: i64, error_ms: i64, learnt_ms: i64) -> KnownTime {
        KnownTime {
            boot: "b".into(),
            true_minus_monotonic_ms: offset,
            error_ms,
            learnt_ms,
            satellites: false,
            exchange: None,
        }
    }

    #[test]
    fn the_exchange_with_the_smallest_round_trip_counts_until_it_is_old() {
        let good = known(1_000_000, 20, 0);
        let hour = 3_600_000;
        assert!(!known(1_000_900, 1_500, 1_000).is_better_than(Some(&good)));
        assert!(known(1_000_010, 15, 1_000).is_better_than(Some(&good)));
        // After one hour the clock may have drifted by a third of a second.
        assert!(!known(1_000_100, 500, hour).is_better_than(Some(&good)));
        assert!(known(1_000_100, 300, hour).is_better_than(Some(&good)));
        // The server's clock was changed: no round trip explains the difference.
        assert!(known(1_700_000, 1_500, 1_000).is_better_than(Some(&good)));
        // Another boot, a satellite fix or nothing: any exchange is better.
        let other = KnownTime {
            boot: "a".into(),
            ..good
        };
        let fix = KnownTime {
            satellites: true,
            ..good
        };
        for old in [Some(&other), Some(&fix), None] {
            assert!(known(1_000_900, 30_000, 1_000).is_better_than(old));
        }
    }

    fn fix(time: i64, at_ms: i64) -> SeenFix {
        SeenFix {
            boot: "b".into(),
            fix_time: Millis(time),
            true_minus_monotonic_ms: time - at_ms,
        }
    }

    #[test]
    fn field_02_one_satellite_fix_sets_no_clock_and_two_that_agree_do() {
        let now = 1_795_305_600_000;
        let first = fix(now, 10_000);
        assert_eq!(satellite_time(&[], &first, None), None);
        // A cached fix that is used again, a second later.
        assert_eq!(
            satellite_time(std::slice::from_ref(&first), &fix(now, 11_000), None),
            None
        );
        // A cached one of twelve minutes ago, after a live one, and the other way round.
        let cached = fix(now - 720_000, 12_000);
        assert_eq!(satellite_time(std::slice::from_ref(&first), &cached, None), None);
        assert_eq!(satellite_time(std::slice::from_ref(&cached), &first, None), None);
        // Of another boot.
        let other = SeenFix {
            boot: "a".into(),
            ..fix(now - 1_000, 9_000)
        };
        assert_eq!(satellite_time(&[other], &first, None), None);
        // Two live ones; the one that was used sooner is nearer to the truth.
        let second = fix(now + 60_000, 73_000);
        assert_eq!(
            satellite_time(&[first.clone(), cached], &second, None),
            Some(now - 10_000)
        );
        assert_eq!(satellite_time(&[second], &first, None), Some(now - 10_000));
    }

    #[test]
    fn field_02_a_wrong_satellite_time_is_corrected_downward() {
        let now = 1_795_305_600_000;
        let ahead = now + 3_600_000;
        let seen = [fix(ahead, 1_000), fix(ahead + 2_000, 3_000)];
        let wrong = satellite_time(&seen[..1], &seen[1], None);
        assert_eq!(wrong, Some(ahead - 1_000));
        let right = [fix(now + 10_000, 11_000), fix(now + 12_000, 13_000)];
        assert_eq!(satellite_time(&seen, &right[0], wrong), None);
        let all = [seen[0].clone(), seen[1].clone(), right[0].clone()];
        assert_eq!(satellite_time(&all, &right[1], wrong), Some(now - 1_000));
        // A fix that is used a little late does not lower it.
        let late = fix(now + 20_000, 24_000);
        assert_eq!(satellite_time(&right, &late, Some(now - 1_000)), None);
    }

    #[test]
    fn field_02_a_fix_that_neither_the_wall_clock_nor_the_past_agrees_with_is_impossible() {
        let day = 86_400_000;
        let enrolled = EARLIEST_BUILD.plus(20 * day);
        let now = enrolled.plus(100 * day);
        // Before what is certain, and after the receivers' range.
        assert!(!is_possible(enrolled.plus(-1), enrolled.plus(-1), enrolled));
        assert!(!is_possible(
            BUILT.plus(LIFE_MS + 1),
            BUILT.plus(LIFE_MS + 1),
            enrolled
        ));
        // 1024 weeks back, 400 weeks ahead, a year ahead: whatever they agree with among themselves.
        for weeks in [-1024, 52, 400] {
            let wrong = now.plus(weeks * 7 * day);
            assert!(!is_possible(wrong, now, enrolled), "{weeks}");
            // A wall clock that was lost (1970) helps no wrong fix.
            assert!(!is_possible(wrong, Millis(0), enrolled), "{weeks}");
        }
        // The wall clock agrees, off by a time zone.
        assert!(is_possible(now, now.plus(day / 3), enrolled));
        // The wall clock is lost, the last answer of the server is of last week.
        assert!(is_possible(now, Millis(0), now.plus(-7 * day)));
    }

    #[test]
    fn field_02_the_build_says_its_commits_date_and_never_one_before_the_product() {
        assert_eq!(built(Some("1796000000")), Millis(1_796_000_000_000));
        for odd in [None, Some(""), Some("0"), Some("-5"), Some("soon")] {
            assert_eq!(built(odd), EARLIEST_BUILD, "{odd:?}");
        }
    }

    #[test]
    fn a_record_of_an_older_version_is_used_until_the_next_exchange() {
        let older: KnownTime = from_json(r#"{"boot":"b","server_minus_monotonic_ms":1000000}"#).unwrap();
        assert_eq!(older.true_minus_monotonic_ms, 1_000_000);
        assert!(known(1_000_900, 30_000, 1_000).is_better_than(Some(&older)));
    }
}
