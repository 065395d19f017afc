//! What is known of the true time, stored as its difference to the monotonic clock of one boot, so that
//! changing the wall clock does not affect it.
//!
//! Every exchange carries the server's time. The one with the smallest round trip is the most exact, until it
//! is so old that clock drift exceeds its error. Before the first exchange of a boot, a satellite fix is
//! used.

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
    evidence::{ClockReading, Position},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// The position provider that reports satellite time.
const SATELLITES: &str = "gps";

/// Assumed clock drift of a cheap handset: one part in this many.
const DRIFT: i64 = 10_000;

/// A satellite fix must improve the estimate by this many milliseconds to be stored.
const WORTH_MS: i64 = 1_000;

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
    /// Learns the time of a satellite fix while no server time is known in this boot. Mock positions, other
    /// providers, and fixes from before the enrolment (GPS week rollover) are ignored. A fix may be some
    /// minutes old but never from the future, so the latest one counts.
    pub(crate) fn learn_satellite_time(&self, now: &ClockRaw, fix: &Position) -> Result<()> {
        if fix.mock || fix.provider != SATELLITES || fix.fix_time < self.account()?.enrolled {
            return Ok(());
        }
        let new = KnownTime {
            boot: now.boot.clone(),
            true_minus_monotonic_ms: fix.fix_time.0.saturating_sub(now.monotonic_ms),
            error_ms: unknown(),
            learnt_ms: now.monotonic_ms,
            satellites: true,
        };
        let least = new.true_minus_monotonic_ms.saturating_sub(WORTH_MS);
        match self.known()?.filter(|old| old.boot == new.boot) {
            Some(old) if !old.satellites || old.true_minus_monotonic_ms >= least => Ok(()),
            _ => self.write(|tx| settings::set(tx, settings::keys::SERVER_CLOCK, &to_json(&new)?)),
        }
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

    #[test]
    fn a_record_of_an_older_version_is_used_until_the_next_exchange() {
        let older: KnownTime = from_json(r#"{"boot":"b","server_minus_monotonic_ms":1000000}"#).unwrap();
        assert_eq!(older.true_minus_monotonic_ms, 1_000_000);
        assert!(known(1_000_900, 30_000, 1_000).is_better_than(Some(&older)));
    }
}
