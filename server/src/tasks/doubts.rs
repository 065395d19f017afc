//! Doubts about the answer to a verification or check, as a plain function; the distance is measured on the grids in force.

use super::task::Order;
use crate::{app::grid_packs::Grids, entries::flags::Flag, kernel::config::Settings};
use protocol::{duty::Purpose, evidence::Position, geo::PointE7};

/// What an answer to a verification or check should bring (settings `answer_distance_m`, `answer_photos`).
#[derive(Debug, Clone, Copy)]
pub struct AnswerLimits {
    distance_m: f64,
    photos: usize,
    /// A fix with a larger circle explains no distance.
    accuracy_m: f64,
}

impl AnswerLimits {
    pub fn of(settings: &Settings) -> Self {
        Self {
            distance_m: f64::from(settings.answer_distance_m),
            photos: usize::try_from(settings.answer_photos).unwrap_or(usize::MAX),
            accuracy_m: f64::from(settings.fix_accuracy_m),
        }
    }
}

/// The distance in metres from a point to where a task is: to its place, or to the border of its cell if nobody named a
/// place. Then its place is the middle of the cell, which may be far from where the worker has to be in a large one.
pub fn metres_to_target(grids: &Grids, order: &Order, point: PointE7) -> Option<f64> {
    let named = order
        .place
        .filter(|place| grids.centre(order.cell) != Some(*place));
    match named {
        Some(place) => Some(point.metres_to(place)),
        None => grids.metres_to(order.cell, point),
    }
}

/// The doubts about an answer to a verification or check. The answer is applied all the same; who decides about the case
/// sees them. `to_target` measures in metres from a point to where the task is.
pub fn answer_flags(
    purpose: Purpose,
    fix: Option<&Position>,
    photos: usize,
    limits: AnswerLimits,
    to_target: impl Fn(PointE7) -> Option<f64>,
) -> Vec<Flag> {
    if !matches!(purpose, Purpose::Verify | Purpose::Check) {
        return Vec::new();
    }
    let mut flags = Vec::new();
    match fix.filter(|fix| fix.point.is_on_globe()) {
        Some(fix) => {
            let explained = (f64::from(fix.accuracy_cm) / 100.0).min(limits.accuracy_m);
            if to_target(fix.point).is_some_and(|metres| metres > limits.distance_m + explained) {
                flags.push(Flag::Far);
            }
        }
        None => flags.push(Flag::NoPosition),
    }
    if photos < limits.photos {
        flags.push(Flag::PhotoMissing);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::Millis;

    /// 0.0009 degrees of latitude are 100 m.
    fn fix(north_e7: i32, accuracy_cm: u32) -> Position {
        Position {
            point: PointE7 {
                lat: 438_000_000 + north_e7,
                lon: 1_253_000_000,
            },
            accuracy_cm,
            provider: "gps".into(),
            mock: false,
            fix_time: Millis(0),
            monotonic_ms: None,
        }
    }

    #[test]
    fn a_far_or_photoless_answer_is_doubted_and_a_good_one_is_not() {
        let limits = AnswerLimits::of(&Settings::default());
        let place = fix(0, 0).point;
        let flags = |fix: Option<&Position>, photos| {
            answer_flags(Purpose::Check, fix, photos, limits, |at| {
                Some(at.metres_to(place))
            })
        };
        assert_eq!(flags(Some(&fix(0, 800)), 1), []);
        // 105 m away with an error of 8 m may be 97 m.
        assert_eq!(flags(Some(&fix(9_450, 800)), 1), []);
        assert_eq!(flags(Some(&fix(9_450, 100)), 1), [Flag::Far]);
        // A circle of 5 km explains no 22 km, and no 300 m either.
        assert_eq!(flags(Some(&fix(27_000, 500_000)), 1), [Flag::Far]);
        assert_eq!(
            flags(Some(&fix(2_000_000, 800)), 0),
            [Flag::Far, Flag::PhotoMissing]
        );
        assert_eq!(flags(None, 3), [Flag::NoPosition]);
        assert_eq!(answer_flags(Purpose::Inspect, None, 0, limits, |_| None), []);
    }
}
