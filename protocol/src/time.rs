//! Instants and civil days. The civil day is that of Asia/Shanghai, independent of the handset's zone; that zone has
//! been +08:00 without summer time since 1991-09-15, and the product has no earlier dates.

use jiff::{Timestamp, civil, tz};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A month of Asia/Shanghai, as text `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilMonth {
    pub year: i16,
    /// 1..=12
    pub month: i8,
}

impl CivilMonth {
    /// Returns the month before.
    #[must_use]
    pub const fn before(self) -> Self {
        match self.month {
            2..=12 => Self {
                month: self.month - 1,
                ..self
            },
            _ => Self {
                year: self.year.saturating_sub(1),
                month: 12,
            },
        }
    }
}

impl fmt::Display for CivilMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for CivilMonth {
    type Err = NotAMonth;
    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        let (year, month) = text.split_once('-').ok_or(NotAMonth)?;
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(NotAMonth);
        }
        let year = year.parse().map_err(|_| NotAMonth)?;
        let month = month.parse().map_err(|_| NotAMonth)?;
        if !(1..=12).contains(&month) {
            return Err(NotAMonth);
        }
        Ok(Self { year, month })
    }
}

/// The text is no month such as `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAMonth;

impl fmt::Display for NotAMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a month such as 2026-11")
    }
}
impl std::error::Error for NotAMonth {}

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
    /// Returns year and month in Asia/Shanghai.
    pub fn month(self) -> CivilMonth {
        let date = self.civil().date();
        CivilMonth {
            year: date.year(),
            month: date.month(),
        }
    }
    /// Returns the instant this many calendar months earlier at the same time of day, or on the last day of a shorter
    /// month. `None` if it is out of range.
    pub fn months_before(self, months: u32) -> Option<Self> {
        let span = jiff::Span::new().try_months(months).ok()?;
        let at = self.civil().checked_sub(span).ok()?;
        Some(Self::from_civil(at))
    }
    /// Formats as `2026-11-22 08:15:03` in Asia/Shanghai.
    pub fn text(self) -> String {
        self.civil().strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: i16, month: i8, day: i8, hour: i8, minute: i8) -> Millis {
        Millis::from_civil(civil::date(year, month, day).at(hour, minute, 0, 0))
    }

    #[test]
    fn a_month_is_that_of_shanghai_and_reads_back() {
        let late = at(2026, 11, 30, 23, 30);
        assert_eq!(late.month().to_string(), "2026-11");
        assert_eq!(late.plus(1_800_000).month().to_string(), "2026-12");
        assert_eq!("2026-11".parse(), Ok(late.month()));
        for text in ["2026-13", "2026-00", "2026-1", "26-11", "2026/11", "", "+026-11"] {
            assert_eq!(text.parse::<CivilMonth>(), Err(NotAMonth), "{text}");
        }
        assert_eq!(
            "2026-01".parse::<CivilMonth>().unwrap().before().to_string(),
            "2025-12"
        );
    }

    #[test]
    fn months_are_counted_by_the_calendar() {
        assert_eq!(
            at(2026, 11, 23, 9, 0).months_before(24),
            Some(at(2024, 11, 23, 9, 0))
        );
        assert_eq!(
            at(2028, 3, 31, 9, 0).months_before(1),
            Some(at(2028, 2, 29, 9, 0))
        );
        assert_eq!(
            at(2026, 11, 23, 9, 0).months_before(0),
            Some(at(2026, 11, 23, 9, 0))
        );
        assert_eq!(at(2026, 11, 23, 9, 0).months_before(u32::MAX), None);
    }
}
