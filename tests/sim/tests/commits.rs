//! Overlapping commits of the server's store on a simulated disk, and the defects that the check must find.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use protocol::sabotage::{self, Defect};
use sim::commits::{self, Commits};

/// One test, because a defect is armed for the whole process.
#[test]
fn what_the_store_answered_is_there_after_a_power_cut_however_commits_overlap() {
    let mut done = Commits::default();
    for seed in 0..400 {
        done += commits::run(seed).unwrap();
    }
    println!("{done:?}");
    assert!(done.written > 4_000 && done.read > 2_000, "{done:?}");
    assert!(done.unknown > 20 && done.refused > 500, "{done:?}");

    for defect in [
        Defect::AnswerBeforeSync,
        Defect::UnsyncedRowsRead,
        Defect::GroupOrderLost,
        Defect::ServerSkipsSync,
    ] {
        sabotage::arm(Some(defect));
        let caught = (0..400).find_map(|seed| commits::run(seed).err());
        sabotage::arm(None);
        let caught = caught.unwrap_or_else(|| panic!("{} is not caught", defect.name()));
        println!("{}: {caught}", defect.words());
    }
}
