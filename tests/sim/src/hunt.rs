//! The defect hunt: each deliberate defect is armed in its own process, and short days are run until an
//! invariant is violated. A hunt starts with days of the flavour that should show the defect first, and then
//! uses all others.
#![allow(
    clippy::disallowed_methods,
    reason = "how long a run takes and how far it is, not the simulated time"
)]

use super::{commits, maker::Flavour, plan::DayPlan, world::run_plan};
use anyhow::{Context as _, Result};
use protocol::sabotage::{self, Defect};
use std::{
    collections::VecDeque,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Number of days and time after which a defect counts as not caught.
const MAX_DAYS: u64 = 300;
const TIME_LIMIT: Duration = Duration::from_secs(90);

/// One defect for each invariant and each end: the sample of every test run.
const SAMPLE: &[Defect] = &[
    Defect::ReceivedWithoutReceipt,
    Defect::ForgetsAtOnce,
    Defect::TombstoneForgotten,
    Defect::HandsetSkipsSync,
    Defect::ReceiptBeforeCommit,
    Defect::UnsyncedRowsRead,
    Defect::PhotoNotKept,
];

/// The flavour that should show the defect first.
fn flavour(defect: Defect) -> Flavour {
    use Defect as D;
    match defect {
        D::PhotoByLength
        | D::PhotoReceiptOfAnyHash
        | D::UploadByLength
        | D::OffsetLies
        | D::PhotoNotKept
        | D::PhotoFileGoneBeforeReceipt => Flavour::Photos,
        D::HandsetSkipsSync
        | D::ServerSkipsSync
        | D::AnswerBeforeSync
        | D::ReceiptBeforeCommit
        | D::SavedWithoutCommit
        | D::NewIdAfterUnknownOutcome
        | D::CursorBeforeRows
        | D::NumberAfterwards
        | D::DraftNotSaved
        | D::DraftGoneBeforeSubmit
        | D::PhotoFileNotSynced
        | D::PhotoFolderNotSynced
        | D::MailAfterCommit => Flavour::Power,
        D::MarkIgnored
        | D::EpochIgnored
        | D::EpochKept
        | D::ForgetsAtOnce
        | D::PhotoForgottenAtReceipt
        | D::SalvageTrustsOldReceipts => Flavour::Restore,
        D::ResetForgotten
        | D::ResetNotSaid
        | D::TombstoneForgotten
        | D::TombstoneNotWritten
        | D::LateAnswerApplied => Flavour::Posts,
        D::HandoverLeavesOut | D::WipeBeforeSealing | D::ParcelReceiptBeforeCommit | D::ParcelTwice => {
            Flavour::Ends
        }
        D::WaitBelievedAfterClockSetBack => Flavour::Clock,
        D::SeriesReusedAfterRestore => Flavour::Copies,
        D::EnrolmentForgotten => Flavour::Begin,
        D::HeldNeverReleased
        | D::HolesHidden
        | D::CustodyLostWithRoom
        | D::ReceiptKeyedById
        | D::ConflictOverwrites => Flavour::NewerHandset,
        _ => Flavour::Line,
    }
}

/// Arms the defect of this name in this process.
pub fn arm(name: &str) -> Result<Defect> {
    let defect = Defect::ALL.iter().copied().find(|defect| defect.name() == name);
    let defect = defect.with_context(|| format!("there is no defect {name}"))?;
    sabotage::arm(Some(defect));
    Ok(defect)
}

/// Runs days with one defect until an invariant is violated.
pub fn hunt(name: &str) -> Result<bool> {
    let (defect, began) = (arm(name)?, Instant::now());
    let caught = match defect {
        // They need commits that overlap.
        Defect::UnsyncedRowsRead | Defect::GroupOrderLost => overlapping_commits(),
        _ => first_broken(flavour(defect), began),
    };
    let took = began.elapsed().as_secs_f64();
    match caught {
        Some((again, violation)) => println!(
            "{name}: {}; caught ({again} --defect {name}) after {took:.1} s: {violation}",
            defect.words()
        ),
        None => println!("{name}: {}; NOT CAUGHT in {took:.0} s", defect.words()),
    }
    Ok(true)
}

/// The arguments of the first run that breaks something, and what it breaks.
type Caught = Option<(String, String)>;

fn overlapping_commits() -> Caught {
    let broken = (0..MAX_DAYS).find_map(|seed| commits::run(seed).err())?;
    Some((format!("--commits {}", broken.seed + 1), broken.to_string()))
}

fn first_broken(flavour: Flavour, began: Instant) -> Caught {
    for day in 0..MAX_DAYS {
        if began.elapsed() > TIME_LIMIT {
            return None;
        }
        let of_day = of_day(flavour, day);
        if let Err(violation) = run_plan(&DayPlan::brief(day, of_day), false).0 {
            let again = format!("--seed {day} --flavour {}", of_day as u64);
            return Some((again, violation.to_string()));
        }
    }
    None
}

/// Every fourth day has another flavour.
fn of_day(flavour: Flavour, day: u64) -> Flavour {
    if day % 4 == 3 {
        Flavour::of(day / 4)
    } else {
        flavour
    }
}

/// Hunts all defects or the sample. Returns true if each was caught.
pub fn all(jobs: u64, sample: bool) -> Result<bool> {
    let defects = if sample { SAMPLE } else { Defect::ALL };
    let mut waiting: VecDeque<Defect> = defects.iter().copied().collect();
    let mut workers: VecDeque<Child> = VecDeque::new();
    let mut caught = 0;
    loop {
        while (workers.len() as u64) < jobs.max(1)
            && let Some(defect) = waiting.pop_front()
        {
            let child = Command::new(std::env::current_exe()?)
                .args(["--stride", "1", "--defect", defect.name()])
                .stdout(Stdio::piped())
                .spawn()?;
            workers.push_back(child);
        }
        let Some(child) = workers.pop_front() else { break };
        let said = String::from_utf8_lossy(&child.wait_with_output()?.stdout).into_owned();
        print!("{said}");
        caught += usize::from(said.contains("; caught ("));
    }
    println!("{caught} of {} caught", defects.len());
    Ok(caught == defects.len())
}
