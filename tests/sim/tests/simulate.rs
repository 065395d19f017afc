//! Tests of the simulator: a bounded number of days, and every plan that once violated an invariant.
//!
//! SQLite has one random generator per process, so one process runs one simulation; nextest starts a process
//! for each test.

#![allow(clippy::unwrap_used, clippy::panic)]

use sim::{city_template::CityTemplate, plan::DayPlan, world::run_plan};

fn short(seed: u64) -> DayPlan {
    let mut plan = DayPlan::of(seed);
    // An optimised day takes a tenth of a second, an unoptimised one seconds: every third event is enough
    // here.
    plan.events.retain(|event| event.r % 3 == 0);
    plan
}

/// Writes the plan of a failing day to a file: no seed gives a thinned day.
fn assert_no_violation(plan: &DayPlan) {
    if let Err(violation) = run_plan(plan, false).0 {
        let (_, log) = run_plan(plan, true);
        let file = std::env::temp_dir().join(format!("simulate-test-{}.json", plan.seed));
        std::fs::write(&file, serde_json::to_vec_pretty(plan).unwrap()).unwrap();
        panic!(
            "{violation}\n{}\nagain: cargo xtask simulate --plan {}",
            log.join("\n"),
            file.display()
        );
    }
}

#[test]
fn equal_plans_give_equal_traces() {
    let plan = short(4);
    let first = run_plan(&plan, false).0.unwrap();
    let again = run_plan(&plan, true).0.unwrap();
    assert_eq!(first, again, "keeping a log must change nothing");
    assert_ne!(first.trace, run_plan(&short(5), false).0.unwrap().trace);
}

#[test]
fn days_with_encrypted_handsets_are_deterministic() {
    let plan = short(9);
    assert!(plan.keyed);
    let first = run_plan(&plan, false).0.unwrap();
    assert_eq!(first, run_plan(&plan, false).0.unwrap());
}

#[test]
fn a_few_days_with_faults_violate_no_invariant() {
    for seed in 10..13 {
        assert_no_violation(&short(seed));
    }
}

#[test]
fn plans_that_failed_once_pass() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|ending| ending == "json"))
        .collect();
    files.sort();
    for file in files {
        let plan: DayPlan = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        println!("{}", file.display());
        assert_no_violation(&plan);
    }
}

#[test]
fn a_deliberate_defect_is_caught() {
    use protocol::sabotage::{Defect, arm};
    CityTemplate::get().unwrap();
    arm(Some(Defect::ReceivedWithoutReceipt));
    let caught = (0..20).any(|seed| run_plan(&short(seed), false).0.is_err());
    arm(None);
    assert!(caught);
}
