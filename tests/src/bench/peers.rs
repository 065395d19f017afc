//! Beside programs of others, in the same run: PocketBase for reports, tusd for photos (`tests/peers` says what they are).
//!
//! Each round does the same work with our server and with each peer, one after another, with fresh records. Before each of
//! them the disk is synced, so that what one left in the system's cache is not written at the expense of the next. Medians
//! count. Afterwards what each of them holds is counted and a few of the records are read back and compared.
//!
//! A comparison holds at equal durability only: a report is compared with PocketBase that syncs each commit, a photo with
//! tusd (which never syncs) by a server whose syncs are stubbed. The other pairs are printed as figures without a goal.

mod figures;
mod photos;
mod pocketbase;
mod process;
mod reports;
mod tusd;

use super::Goals;
use anyhow::Result;
use std::path::PathBuf;

/// What is measured.
pub struct PeersPlan {
    pub folder: PathBuf,
    pub rounds: usize,
    /// The program of `tests/peers/pocketbase`.
    pub pocketbase: PathBuf,
    /// The program of `tests/peers/tusd`.
    pub tusd: PathBuf,
    pub only: Option<PeerSubject>,
}

/// A part of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PeerSubject {
    Reports,
    Photos,
}

pub fn run(plan: &PeersPlan, goals: &Goals) -> Result<()> {
    let wanted = |subject| plan.only.is_none_or(|only| only == subject);
    if wanted(PeerSubject::Reports) {
        reports::run(&plan.folder, plan.rounds, &plan.pocketbase, goals)?;
    }
    if wanted(PeerSubject::Photos) {
        photos::run(&plan.folder, plan.rounds, &plan.tusd, goals)?;
    }
    Ok(())
}
