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
    /// When the fix was measured, by the monotonic clock of the entry's evidence (milliseconds since the boot). Its age
    /// is the difference, whatever any wall clock says. Absent if the platform does not say, or if the entry was made
    /// after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monotonic_ms: Option<i64>,
}

impl Position {
    /// Age of the fix in milliseconds when the monotonic clock of the same boot reads `monotonic_ms`; `None` if the
    /// platform did not say when it was measured, or says a time that is not possible.
    pub fn age_at(&self, monotonic_ms: i64) -> Option<i64> {
        let measured = self.monotonic_ms.filter(|measured| *measured >= 0)?;
        let age = monotonic_ms.checked_sub(measured)?;
        (age >= 0).then_some(age)
    }
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
    /// The monotonic clock of a boot in which the handset reached the server.
    Monotonic,
    /// A boot in which it did not, with an offset that the handset knew when the entry was created.
    Offset,
    /// Only the wall clock is known, or the other clocks say what is impossible: any time between the stream's enrolment
    /// and the arrival is possible. Flagged `clock_untrusted`.
    WallOnly,
}
