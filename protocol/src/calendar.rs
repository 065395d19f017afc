//! The working calendar (工作日历): working days (WD) with 调休 make-up days, working hours and urgent hours.
//!
//! The holidays of 2020 to 2026 are compiled in. The State Council announces the next year's holidays late in the
//! current year; the operator imports them (`xunge-server calendar import`). In a year without holidays, Monday to
//! Friday count as working days, and every result that depends on such a year is marked provisional ([`Due`]). The
//! server stores this mark for the deadline of a case, and the view of one case has it (`deadline_provisional`). Not
//! built: the mark in the list of cases, in the ledger's event of T9, and on a screen.

use crate::time::Millis;
use jiff::civil::{Date, Time, Weekday};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Year {
    holidays: BTreeSet<Date>,
    makeup_workdays: BTreeSet<Date>,
}

/// Holidays and make-up working days of the loaded years.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    years: BTreeMap<String, Year>,
    #[serde(default)]
    hours: WorkHours,
}

/// Times of day in which 工作时 run (G1): 08:30-12:00 and 13:30-17:30, Asia/Shanghai, unless the calendar file has
/// others. Not a setting of the server yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkHours {
    /// Half-open spans in order, without overlap.
    pub spans: Vec<(Time, Time)>,
}

impl Default for WorkHours {
    fn default() -> Self {
        let at = |h, m| Time::constant(h, m, 0, 0);
        Self {
            spans: vec![(at(8, 30), at(12, 0)), (at(13, 30), at(17, 30))],
        }
    }
}

crate::text_enum! {
    /// The unit of a time limit (CJ/T 315, GB/T 30428.8).
    pub enum LimitUnit {
        /// 紧急工作时: elapses on the wall clock, day and night (our reading; not a setting).
        UrgentHour = "urgent_hour",
        /// 工作时: elapses only in working hours of working days.
        WorkingHour = "working_hour",
        /// 工作日: due at the end of the n-th working day after; the start day is not counted.
        WorkingDay = "working_day",
    }
}

/// A time limit such as 4 工作时.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limit {
    /// 1..=1000
    pub amount: u16,
    pub unit: LimitUnit,
}

/// A computed date or instant. Provisional if a year without a loaded calendar was involved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due<T> {
    pub at: T,
    pub provisional: bool,
}

/// The calendar file is malformed or contradicts itself. Problem code `calendar.malformed`.
#[derive(Debug, thiserror::Error)]
#[error("calendar: {0}")]
pub struct BadCalendar(String);

/// Upper bound of the day-counting loops below, in days; no rule of the product counts further.
const MOST_DAYS: i32 = 20_000;

impl Calendar {
    /// Reads the JSON of a calendar file: `{"years": {"2026": {"holidays": [...], "makeup_workdays": [...]}}}`.
    pub fn from_json(text: &str) -> Result<Self, BadCalendar> {
        let calendar: Self = serde_json::from_str(text).map_err(|e| BadCalendar(e.to_string()))?;
        calendar.check()?;
        Ok(calendar)
    }
    /// Reads CSV: a line for each day, `2027-01-01,holiday` or `2027-01-03,workday`; empty lines and lines that begin
    /// with `#` are skipped.
    pub fn from_csv(text: &str) -> Result<Self, BadCalendar> {
        let mut calendar = Self::default();
        for (n, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = || BadCalendar(format!("line {}: not DATE,holiday or DATE,workday", n + 1));
            let (day, kind) = line.split_once(',').ok_or_else(bad)?;
            let day: Date = day.trim().parse().map_err(|_| bad())?;
            let year = calendar.years.entry(day.year().to_string()).or_default();
            match kind.trim() {
                "holiday" => year.holidays.insert(day),
                "workday" => year.makeup_workdays.insert(day),
                _ => return Err(bad()),
            };
        }
        calendar.check()?;
        Ok(calendar)
    }
    fn check(&self) -> Result<(), BadCalendar> {
        let calendar = self;
        for (name, year) in &calendar.years {
            let inside = |d: &Date| d.year().to_string() == *name;
            if let Some(day) = year
                .holidays
                .iter()
                .chain(&year.makeup_workdays)
                .find(|d| !inside(d))
            {
                return Err(BadCalendar(format!("{day} stands under {name}")));
            }
            if let Some(day) = year.holidays.intersection(&year.makeup_workdays).next() {
                return Err(BadCalendar(format!("{day} is both off and a make-up day")));
            }
        }
        let spans = &calendar.hours.spans;
        let ordered = spans.iter().all(|(a, b)| a < b)
            && spans.iter().zip(spans.iter().skip(1)).all(|(x, y)| x.1 <= y.0);
        if !ordered || spans.is_empty() {
            return Err(BadCalendar("working hours overlap or are empty".into()));
        }
        Ok(())
    }
    /// Refuses what is no announcement of holidays: no year, or a year without a holiday, which would make every weekday
    /// a working day and no longer provisional.
    pub fn check_for_import(&self) -> Result<(), BadCalendar> {
        if self.years.is_empty() {
            return Err(BadCalendar("no year".into()));
        }
        match self.years.iter().find(|(_, year)| year.holidays.is_empty()) {
            Some((name, _)) => Err(BadCalendar(format!("{name} has no holiday"))),
            None => Ok(()),
        }
    }
    /// Takes the years of `other`, in place of the same years of this calendar. The working hours stay.
    pub fn take_years(&mut self, other: &Self) {
        self.years.extend(other.years.clone());
    }
    /// Each year as a calendar of its own, with its name.
    pub fn single_years(&self) -> Vec<(String, Self)> {
        let alone = |(name, year): (&String, &Year)| {
            let years = BTreeMap::from([(name.clone(), year.clone())]);
            let hours = self.hours.clone();
            (name.clone(), Self { years, hours })
        };
        self.years.iter().map(alone).collect()
    }
    /// The calendar that ships with the product: 2020 to 2026 (`data/`).
    pub fn shipped() -> Result<Self, BadCalendar> {
        Self::from_json(include_str!("../data/cn_workcalendar_2020_2026.json"))
    }
    /// Returns whether `day` is a working day (WD). Provisional in a year that is not loaded.
    pub fn is_workday(&self, day: Date) -> Due<bool> {
        let weekday = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        match self.years.get(&day.year().to_string()) {
            Some(year) => Due {
                at: year.makeup_workdays.contains(&day) || (weekday && !year.holidays.contains(&day)),
                provisional: false,
            },
            None => Due {
                at: weekday,
                provisional: true,
            },
        }
    }
    /// Returns the n-th working day after `start`, or before it when `n` is negative. The start day is not counted;
    /// `n = 0` returns `start`. Stops at the first or last date that the civil calendar supports.
    pub fn add_workdays(&self, start: Date, n: i32) -> Due<Date> {
        let mut day = start;
        let mut provisional = false;
        let mut left = n.unsigned_abs();
        for _ in 0..MOST_DAYS {
            if left == 0 {
                break;
            }
            let next = if n > 0 { day.tomorrow() } else { day.yesterday() };
            let Ok(next) = next else {
                return Due {
                    at: day,
                    provisional: true,
                };
            };
            day = next;
            let work = self.is_workday(day);
            provisional |= work.provisional;
            left -= u32::from(work.at);
        }
        Due {
            at: day,
            provisional: provisional || left > 0,
        }
    }
    /// Returns when a limit that begins at `start` expires (DC: clocks per stage).
    pub fn deadline(&self, start: Millis, limit: Limit) -> Due<Millis> {
        match limit.unit {
            LimitUnit::UrgentHour => Due {
                at: start.plus(i64::from(limit.amount) * 3_600_000),
                provisional: false,
            },
            LimitUnit::WorkingDay => {
                let due = self.add_workdays(start.civil().date(), i32::from(limit.amount));
                let end = due.at.tomorrow().unwrap_or(due.at).to_datetime(Time::midnight());
                Due {
                    at: Millis::from_civil(end),
                    provisional: due.provisional,
                }
            }
            LimitUnit::WorkingHour => self.after_working_time(start, i64::from(limit.amount) * 3_600_000),
        }
    }
    fn after_working_time(&self, start: Millis, mut left_ms: i64) -> Due<Millis> {
        let mut day = start.civil().date();
        let mut provisional = false;
        for _ in 0..MOST_DAYS {
            let work = self.is_workday(day);
            provisional |= work.provisional;
            for (from, to) in self.hours.spans.iter().filter(|_| work.at) {
                let from = Millis::from_civil(day.to_datetime(*from)).max(start);
                let room = Millis::from_civil(day.to_datetime(*to)).since(from);
                if room >= left_ms {
                    return Due {
                        at: from.plus(left_ms),
                        provisional,
                    };
                }
                left_ms -= room.max(0);
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        Due {
            at: Millis::from_civil(day.to_datetime(Time::midnight())),
            provisional: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn an_imported_year_is_no_longer_provisional() {
        let csv = "# 2027\n2027-01-01, holiday\n\n2027-01-03,workday\n";
        let year = Calendar::from_csv(csv).unwrap();
        let json = r#"{"years":{"2027":{"holidays":["2027-01-01"],"makeup_workdays":["2027-01-03"]}}}"#;
        assert_eq!(year, Calendar::from_json(json).unwrap());
        assert!(year.check_for_import().is_ok());
        let mut calendar = Calendar::shipped().unwrap();
        let new_year = date(2027, 1, 1);
        assert!(calendar.is_workday(new_year).provisional && calendar.is_workday(new_year).at);
        calendar.take_years(&year.single_years()[0].1);
        let (off, on) = (
            calendar.is_workday(new_year),
            calendar.is_workday(date(2027, 1, 3)),
        );
        assert_eq!((off.at, off.provisional, on.at), (false, false, true));
        assert!(!calendar.is_workday(date(2026, 10, 1)).at, "the other years stay");
        for bad in [
            "2027-01-01",
            "2027-13-01,holiday",
            "2027-01-01,off",
            "2027-01-01,holiday\n2027-01-01,workday",
        ] {
            assert!(Calendar::from_csv(bad).is_err(), "{bad}");
        }
        let empty =
            Calendar::from_json(r#"{"years":{"2027":{"holidays":[],"makeup_workdays":[]}}}"#).unwrap();
        assert!(empty.check_for_import().is_err());
        assert!(Calendar::from_csv("").unwrap().check_for_import().is_err());
    }

    #[derive(Deserialize)]
    struct Vectors {
        rows: Vec<(Date, i32, Date)>,
        edges_2026: Edges,
    }
    #[derive(Deserialize)]
    struct Edges {
        weekend_workdays: Vec<Date>,
        fridays_off: Vec<Date>,
        working_days_in_2026: usize,
    }

    fn calendar() -> Calendar {
        Calendar::shipped().unwrap()
    }
    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("../data/workday_vectors.json")).unwrap()
    }
    fn at(text: &str) -> Millis {
        Millis::from_civil(text.parse().unwrap())
    }

    #[test]
    fn working_days_match_the_test_vectors() {
        for (from, n, want) in vectors().rows {
            assert_eq!(
                calendar().add_workdays(from, n),
                Due {
                    at: want,
                    provisional: false
                },
                "{from} {n}"
            );
        }
    }

    #[test]
    fn the_holidays_and_makeup_days_of_2026_are_counted() {
        let (calendar, edges) = (calendar(), vectors().edges_2026);
        assert!(edges.weekend_workdays.iter().all(|d| calendar.is_workday(*d).at));
        assert!(edges.fridays_off.iter().all(|d| !calendar.is_workday(*d).at));
        let days = date(2026, 1, 1).series(jiff::ToSpan::days(1)).take(365);
        assert_eq!(
            days.filter(|d| calendar.is_workday(*d).at).count(),
            edges.working_days_in_2026
        );
    }

    #[test]
    fn a_date_in_a_year_without_a_calendar_is_provisional() {
        let due = calendar().add_workdays(date(2026, 12, 28), 5);
        assert!(due.provisional);
        assert!(calendar().is_workday(date(2027, 1, 1)).provisional);
        assert!(!calendar().add_workdays(date(2026, 12, 24), 2).provisional);
    }

    /// Rule: G1
    #[test]
    fn working_hours_stop_at_noon_at_night_and_on_holidays() {
        let limit = |amount| Limit {
            amount,
            unit: LimitUnit::WorkingHour,
        };
        let calendar = calendar();
        assert_eq!(
            calendar.deadline(at("2026-11-23T11:00:00"), limit(4)).at,
            at("2026-11-23T16:30:00")
        );
        assert_eq!(
            calendar.deadline(at("2026-11-23T16:30:00"), limit(4)).at,
            at("2026-11-24T11:30:00")
        );
        // The last hour before the October holidays continues after them.
        assert_eq!(
            calendar.deadline(at("2026-09-30T16:30:00"), limit(2)).at,
            at("2026-10-08T09:30:00")
        );
    }

    #[test]
    fn urgent_hours_run_day_and_night_and_working_days_end_at_midnight() {
        let calendar = calendar();
        let urgent = Limit {
            amount: 3,
            unit: LimitUnit::UrgentHour,
        };
        assert_eq!(
            calendar.deadline(at("2026-10-01T23:00:00"), urgent).at,
            at("2026-10-02T02:00:00")
        );
        let days = Limit {
            amount: 5,
            unit: LimitUnit::WorkingDay,
        };
        assert_eq!(
            calendar.deadline(at("2026-09-29T09:00:00"), days).at,
            at("2026-10-13T00:00:00")
        );
    }

    #[test]
    fn a_calendar_that_contradicts_itself_is_rejected() {
        for bad in [
            r#"{"years":{"2026":{"holidays":["2025-01-01"],"makeup_workdays":[]}}}"#,
            r#"{"years":{"2026":{"holidays":["2026-01-01"],"makeup_workdays":["2026-01-01"]}}}"#,
            r#"{"years":{},"hours":{"spans":[]}}"#,
            r#"{"years":{"2026":{}}}"#,
            "",
        ] {
            assert!(Calendar::from_json(bad).is_err(), "{bad}");
        }
    }
}
