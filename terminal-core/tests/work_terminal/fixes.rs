//! How old and how good a fix is, and what it says about the time.

use super::{
    choosing::{MINUTE, later},
    *,
};
use protocol::{evidence::Position, geo::PointE7};
use std::sync::Arc;
use terminal_core::{
    platform::{Clock, ClockRaw, Platform},
    words::fix::FixDoubt,
};

/// A fix that the receiver measured at `minutes`, with the time `fix_time` of its own clock.
fn measured(minutes: i64, fix_time: i64) -> Position {
    Position {
        fix_time: Millis(fix_time),
        monotonic_ms: Some(1_000 + minutes * MINUTE),
        ..in_the_west_cell()
    }
}

#[test]
fn field_03_a_fix_is_as_old_as_the_monotonic_clock_says_whatever_its_own_time() {
    let home = Home::new();
    let terminal = home.open();
    home.hand.advance(6 * 60 * MINUTE);
    // Cached for six hours; the provider states the time at which it handed it out.
    let now = MORNING + 6 * 60 * MINUTE;
    let cached = measured(0, now);
    terminal.saw_fix(&cached).unwrap();
    assert_eq!(terminal.last_fix().unwrap().unwrap().age_ms, Some(360 * MINUTE));
    let item = terminal.check_in(Some(cached.clone()), "").unwrap();
    assert_eq!(
        payload(&terminal, item.id).0.evidence.position,
        Some(cached.clone())
    );

    // A draft that is filed after a restart does not compare the clocks of two boots.
    let mut draft = terminal.new_report().unwrap();
    draft.text("垃圾").at(cached.clone()).save().unwrap();
    let id = draft.id();
    struct Rebooted;
    impl Clock for Rebooted {
        fn read(&self) -> ClockRaw {
            ClockRaw {
                wall: Millis(MORNING + 12 * 60 * MINUTE),
                boot: "another".into(),
                monotonic_ms: 9_000_000,
            }
        }
    }
    let mut platform = Platform::command_line(home.path()).unwrap();
    platform.clock = Arc::new(Rebooted);
    let terminal = Terminal::open(home.path(), platform).unwrap();
    let item = terminal.report_draft(id).unwrap().submit().unwrap().item;
    let filed = payload(&terminal, item).0.evidence.position.unwrap();
    assert_eq!(
        filed,
        Position {
            monotonic_ms: None,
            ..cached
        }
    );
}

#[test]
fn field_03_a_draft_says_how_good_its_fix_is_before_it_is_filed() {
    let home = Home::new();
    let terminal = home.open();
    home.hand.advance(31 * MINUTE);
    let mut draft = terminal.new_report().unwrap();
    assert_eq!(draft.fix_view().unwrap(), None);
    draft.text("垃圾").at(Position {
        mock: true,
        ..measured(0, MORNING)
    });
    let view = draft.fix_view().unwrap().unwrap();
    assert_eq!(view.line(Lang::Zh), "卫星定位 · ±8 米 · 31 分前");
    assert_eq!(
        view.doubts,
        [FixDoubt::Mock, FixDoubt::Stale { age_ms: 31 * MINUTE }]
    );
    // The same of the item, at the moment of its filing.
    let id = draft.submit().unwrap().item;
    home.hand.advance(60 * MINUTE);
    assert_eq!(terminal.item(id).unwrap().fix, Some(view));
    // A fix without its own moment is judged by the clock that is nearer to it.
    let now = |fix: &Position| terminal.judge_fix(fix).unwrap();
    assert_eq!(now(&later(90)).doubts, []);
    assert_eq!(
        now(&later(200)).doubts,
        [FixDoubt::Stale {
            age_ms: -109 * MINUTE
        }]
    );
    let wide = Position {
        accuracy_cm: u32::MAX,
        ..later(91)
    };
    assert_eq!(now(&wide).doubts, [FixDoubt::Imprecise { metres: 42_949_673 }]);
    assert_eq!(
        now(&Position {
            accuracy_cm: 0,
            ..later(91)
        })
        .doubts,
        [FixDoubt::NoAccuracy]
    );
}

#[test]
fn field_03_a_better_fix_of_the_same_place_replaces_a_doubted_one() {
    let home = Home::new();
    let terminal = home.open();
    let mut draft = terminal.new_report().unwrap();
    let wide = Position {
        accuracy_cm: 20_000,
        ..measured(0, MORNING)
    };
    assert!(draft.refine(wide.clone()).unwrap(), "the first one");
    let exact = |lon: i32| Position {
        point: PointE7 {
            lon: wide.point.lon + lon,
            ..wide.point
        },
        ..measured(0, MORNING)
    };
    // 400 m away: the worker went on, and the photos are of the place before.
    assert!(!draft.refine(exact(50_000)).unwrap());
    assert!(
        !draft
            .refine(Position {
                accuracy_cm: 15_000,
                ..exact(0)
            })
            .unwrap(),
        "no better"
    );
    assert!(draft.refine(exact(10_000)).unwrap());
    assert_eq!(draft.position(), Some(&exact(10_000)));
    // A good one stays.
    assert!(!draft.refine(exact(0)).unwrap());
}

#[test]
fn field_02_a_cached_fix_counts_at_the_moment_when_it_was_measured() {
    let home = Home::new();
    let terminal = home.open();
    let ahead = 90_000;
    let is_trusted = || terminal.clock_reading().unwrap().is_trusted();
    assert!(!is_trusted());
    home.hand.advance(20 * MINUTE);
    // Both are cached, for 20 and 8 minutes. The wall clock is 90 s slow.
    terminal.saw_fix(&measured(0, MORNING + ahead)).unwrap();
    assert!(!is_trusted(), "one fix sets no clock");
    terminal
        .saw_fix(&measured(12, MORNING + 12 * MINUTE + ahead))
        .unwrap();
    assert_eq!(terminal.clock_reading().unwrap().offset_ms, Some(ahead));
}

#[test]
fn field_02_two_fixes_that_are_years_ahead_of_wall_clock_and_enrolment_set_no_clock() {
    let home = Home::new();
    let terminal = home.open();
    let years = 6 * 365 * 24 * 60 * MINUTE;
    for minute in [0, 1, 2] {
        terminal
            .saw_fix(&measured(minute, MORNING + years + minute * MINUTE))
            .unwrap();
        home.hand.advance(MINUTE);
    }
    assert!(!terminal.clock_reading().unwrap().is_trusted());
}
