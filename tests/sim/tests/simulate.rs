//! The simulator itself, a bounded share of it, and every plan that once broke a promise.
//!
//! One simulation in a process: SQLite's chance is the process's. Nextest gives each test its own.

#![allow(clippy::unwrap_used, clippy::panic)]

use sim::{plan::Plan, town::Town, world::live};

fn short(seed: u64) -> Plan {
    let mut plan = Plan::of(seed);
    // An optimised day takes a tenth of a second, an unoptimised one seconds: every third event is enough here.
    plan.events.retain(|event| event.r % 3 == 0);
    plan
}

fn lives(plan: &Plan) {
    if let Err(broken) = live(plan, false).0 {
        let (_, story) = live(plan, true);
        panic!("{broken}\n{}", story.join("\n"));
    }
}

#[test]
fn the_same_plan_gives_the_same_trace() {
    let plan = short(4);
    let first = live(&plan, false).0.unwrap();
    let again = live(&plan, true).0.unwrap();
    assert_eq!(first, again, "telling a story changes nothing");
    assert_ne!(first.trace, live(&short(5), false).0.unwrap().trace);
}

#[test]
fn encrypted_handsets_live_the_same_way() {
    let plan = short(9);
    assert!(plan.keyed);
    let first = live(&plan, false).0.unwrap();
    assert_eq!(first, live(&plan, false).0.unwrap());
}

#[test]
fn a_few_days_of_bad_luck_break_no_promise() {
    for seed in 10..13 {
        lives(&short(seed));
    }
}

#[test]
fn what_broke_once_does_not_break_again() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|ending| ending == "json"))
        .collect();
    files.sort();
    for file in files {
        let plan: Plan = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        println!("{}", file.display());
        lives(&plan);
    }
}

#[test]
fn a_deliberate_defect_is_caught() {
    use protocol::sabotage::{Defect, arm};
    Town::get().unwrap();
    arm(Some(Defect::ReceivedWithoutReceipt));
    let caught = (0..20).any(|seed| live(&short(seed), false).0.is_err());
    arm(None);
    assert!(caught);
}
