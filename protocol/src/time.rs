//! Instants and civil days. The civil day is that of Asia/Shanghai, independent of the handset's zone; that zone has
//! been +08:00 without summer time since 1991-09-15, and the product has no earlier dates.

use jiff::{Timestamp, civil, tz};
use serde::{Deserialize, Serialize};

/// An instant in Unix milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    pub const fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
    /// Returns milliseconds from `earlier` to `self`; negative when `earlier` is the later one.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
    /// Returns date and time of day in Asia/Shanghai; instants beyond jiff's range (year 9999) are clamped to its
    /// limits.
    pub fn civil(self) -> civil::DateTime {
        let edge = if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        let instant = Timestamp::from_millisecond(self.0).unwrap_or(edge);
        tz::TimeZone::fixed(tz::offset(8)).to_datetime(instant)
    }
    /// Returns the instant of a civil time in Asia/Shanghai.
    pub fn from_civil(at: civil::DateTime) -> Self {
        tz::TimeZone::fixed(tz::offset(8))
            .to_timestamp(at)
            .map_or(Self(i64::MAX), |instant| Self(instant.as_millisecond()))
    }
    /// Formats as `2026-11-22 08:15:03` in Asia/Shanghai.
    pub fn text(self) -> String {
        self.civil().strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}
