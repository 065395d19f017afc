//! Evidence that every entry carries: place and time as the handset measured them. The server computes the trusted
//! time with its uncertainty and keeps all raw values; raw values are never corrected.

use crate::{geo::PointE7, time::Millis};
use serde::{Deserialize, Serialize};

/// A position fix. WGS-84; GCJ-02 and BD-09 are converted on input and never stored without their datum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Position {
    pub point: PointE7,
    /// Radius of the accuracy circle in centimetres as reported by the provider; 0 is suspicious, not perfect (mock
    /// providers report 0.0).
    pub accuracy_cm: u32,
    /// `gps`, `network`, `fused`, `manual` (typed or dragged by the worker), or a value of a later app.
    pub provider: String,
    /// True if the platform marks the position as a mock location.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mock: bool,
    /// Time of the fix by the provider's clock (GPS time for GPS).
    pub fix_time: Millis,
}

/// A reading of all clocks of a handset at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClockReading {
    /// Wall clock of the handset; it may be wrong by years.
    pub wall: Millis,
    /// Id of one boot of the handset. Monotonic readings are comparable only within one boot.
    pub boot: String,
    /// Milliseconds since the boot, including sleep (CLOCK_BOOTTIME, elapsedRealtime).
    pub monotonic_ms: i64,
    /// True time minus wall clock in milliseconds, from the last exchange with the server in this boot or from the
    /// time of a GPS fix, whichever is more exact. Absent if this boot has had neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_ms: Option<i64>,
}

impl ClockReading {
    /// Returns true if the handset may show a time without the mark 本机时间.
    pub fn is_trusted(&self) -> bool {
        self.offset_ms.is_some()
    }
    /// Returns the handset's best estimate of server time.
    pub fn estimate(&self) -> Millis {
        self.wall.plus(self.offset_ms.unwrap_or(0))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evidence {
    /// Absent when there was no fix: an entry is never refused for a missing position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    pub clock: ClockReading,
}

/// Time at which an entry was made, as determined by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrustedTime {
    pub at: Millis,
    /// The true time lies within `at` ± this many milliseconds.
    pub uncertainty_ms: i64,
    pub basis: TimeBasis,
}

/// Source of the trusted time, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TimeBasis {
    /// Entry and sending happened in one boot: the monotonic interval is subtracted from the arrival.
    Monotonic,
    /// Another boot, but the offset to the server was known when the entry was created.
    Offset,
    /// Only the wall clock is known: any time up to the arrival is possible.
    WallOnly,
}

/// Longest time that a request may take in transit, in milliseconds; the network does not explain a longer
/// difference.
const TRANSPORT_MS: i64 = 60_000;

/// Computes when an entry was created, from its arrival at the server. `made` is the clock reading in the entry,
/// `sent` the one in the envelope.
///
/// Within one boot the interval `sent - made` on the monotonic clock is exact, however wrong the wall clock is
/// (failure story 33). Across boots the offset known at creation is used; without an offset only the wall clock
/// remains, and the uncertainty states that. The result is never later than the arrival.
pub fn trusted_time(made: &ClockReading, sent: &ClockReading, arrival: Millis) -> TrustedTime {
    let never_after = |at: Millis| at.min(arrival);
    if made.boot == sent.boot && made.monotonic_ms >= 0 && sent.monotonic_ms >= made.monotonic_ms {
        let age = sent.monotonic_ms.saturating_sub(made.monotonic_ms);
        return TrustedTime {
            at: never_after(arrival.plus(age.saturating_neg())),
            uncertainty_ms: TRANSPORT_MS,
            basis: TimeBasis::Monotonic,
        };
    }
    let estimate = made.estimate();
    let basis = if made.is_trusted() {
        TimeBasis::Offset
    } else {
        TimeBasis::WallOnly
    };
    let uncertainty_ms = match basis {
        TimeBasis::Offset => 5 * TRANSPORT_MS,
        TimeBasis::Monotonic | TimeBasis::WallOnly => arrival.since(never_after(estimate)).max(TRANSPORT_MS),
    };
    TrustedTime {
        at: never_after(estimate),
        uncertainty_ms,
        basis,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(wall: i64, boot: &str, monotonic_ms: i64, offset_ms: Option<i64>) -> ClockReading {
        ClockReading {
            wall: Millis(wall),
            boot: boot.into(),
            monotonic_ms,
            offset_ms,
        }
    }

    const NOW: i64 = 1_795_000_000_000;
    const YEAR: i64 = 365 * 86_400_000;

    #[test]
    fn a_clock_three_years_off_does_not_move_an_entry_of_the_same_boot() {
        for lie in [-3 * YEAR, 3 * YEAR] {
            let made = reading(NOW + lie, "b1", 1_000, None);
            let sent = reading(NOW + lie, "b1", 3_601_000, None);
            let t = trusted_time(&made, &sent, Millis(NOW));
            assert_eq!(t.at, Millis(NOW - 3_600_000));
            assert_eq!(t.basis, TimeBasis::Monotonic);
        }
    }

    #[test]
    fn after_a_reboot_the_offset_known_at_creation_is_used() {
        let made = reading(NOW - YEAR, "b1", 9_000_000, Some(YEAR - 7_200_000));
        let sent = reading(NOW, "b2", 5_000, None);
        let t = trusted_time(&made, &sent, Millis(NOW));
        assert_eq!(t.at, Millis(NOW - 7_200_000));
        assert_eq!(t.basis, TimeBasis::Offset);
    }

    #[test]
    fn the_trusted_time_is_never_after_the_arrival() {
        let made = reading(NOW + YEAR, "b1", 5, None);
        let sent = reading(NOW, "b2", 5, None);
        let t = trusted_time(&made, &sent, Millis(NOW));
        assert_eq!(t.at, Millis(NOW));
        assert_eq!(t.basis, TimeBasis::WallOnly);
    }

    #[test]
    fn a_wall_clock_alone_gives_a_large_uncertainty() {
        let made = reading(NOW - YEAR, "b1", 5, None);
        let sent = reading(NOW, "b2", 5, None);
        assert_eq!(trusted_time(&made, &sent, Millis(NOW)).uncertainty_ms, YEAR);
    }
}
