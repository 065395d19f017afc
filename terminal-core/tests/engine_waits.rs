//! A sync that leaves something says why and until when; problems that were solved within the run are not
//! reported.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

mod engine;

use engine::{EngineFault, World, html, server::problem};
use protocol::problem::ProblemCode;
use terminal_core::sync::{HeldBack, Policy, SyncReport};

const AUTO: Policy = Policy {
    manual: false,
    ..Policy::MANUAL
};

fn code(report: &SyncReport) -> Option<&str> {
    report.problem.as_ref().map(|reason| reason.code.as_str())
}

#[test]
fn a_wait_asked_for_by_the_server_is_reported_with_its_end() {
    let world = World::new(31);
    world.report("垃圾", &[]);
    let mut busy = problem(ProblemCode::Busy);
    busy.headers.push(("retry-after".into(), "90".into()));
    world.fault([EngineFault::Pass, EngineFault::Pass, EngineFault::Instead(busy)]);
    let first = world.sync();
    let before = world.log().len();
    for policy in [AUTO, Policy::MANUAL] {
        let waits = world.sync_as(policy);
        assert_eq!(world.log().len(), before, "it only waited");
        assert_eq!(code(&waits), Some(ProblemCode::Busy.as_str()));
        assert!(waits.problem.as_ref().unwrap().zh.chars().any(|c| c > '\u{4e00}'));
        assert_eq!(waits.next_try, first.next_try);
        assert!(waits.wait_asked, "a person's wish does not end it");
    }
}

#[test]
fn a_wait_of_our_own_is_reported_with_the_failure() {
    let world = World::new(32);
    world.report("垃圾", &[]);
    world.fault([EngineFault::LoseRequest]);
    let first = world.sync_as(AUTO);
    let before = world.log().len();
    let waits = world.sync_as(AUTO);
    assert_eq!(world.log().len(), before, "it only waited");
    assert_eq!(code(&waits), code(&first));
    assert!(waits.problem.is_some() && waits.next_try.is_some() && !waits.wait_asked);
}

#[test]
fn held_back_photos_are_the_reported_reason() {
    for held in [HeldBack::Metered, HeldBack::Budget, HeldBack::Battery] {
        let world = World::new(33);
        world.report("垃圾", &[1000]);
        let waits = world.sync_as(AUTO.without(held));
        assert_eq!(code(&waits), Some(held.reason().code.as_str()));
        assert!(waits.photos_held_back && waits.entries_waiting == 0);
    }
    let world = World::new(34);
    world.report("垃圾", &[]);
    let closed = Policy {
        online: false,
        ..AUTO.without(HeldBack::WifiOnly)
    };
    assert_eq!(code(&world.sync_as(closed)), Some("policy.wifi_only"));
}

#[test]
fn a_problem_solved_within_the_run_is_not_reported() {
    let faults = [
        EngineFault::Instead(problem(ProblemCode::TokenExpired)),
        EngineFault::Instead(problem(ProblemCode::TooLarge)),
        EngineFault::Instead(problem(ProblemCode::Internal)),
    ];
    for fault in faults {
        let world = World::new(35);
        world.report("a", &[]);
        world.report("b", &[]);
        world.fault([EngineFault::Pass, EngineFault::Pass, fault]);
        let report = world.sync();
        assert!(report.is_success(), "{report:?}");
        assert_eq!((code(&report), report.next_try), (None, None));
    }
}

#[test]
fn of_several_problems_the_remaining_one_is_reported() {
    let world = World::new(36);
    world.report("a", &[]);
    world.report("b", &[]);
    // The push succeeds in halves; the mailboxes stay unread.
    world.fault([
        EngineFault::Pass,
        EngineFault::Pass,
        EngineFault::Instead(problem(ProblemCode::TooLarge)),
        EngineFault::Pass,
        EngineFault::Pass,
        EngineFault::Instead(html(200)),
    ]);
    let report = world.sync();
    assert_eq!(report.entries_waiting, 0);
    assert_eq!(code(&report), Some("answer.foreign"));
    assert!(report.next_try.is_some());
}
