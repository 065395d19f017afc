//! Real processes with injected faults: servers and handsets that are killed at any instruction, disks that
//! discard unsynced writes, full disks, network faults. Then an audit.
//!
//! | part | purpose |
//! |---|---|
//! | [`machine`] | a folder whose unsynced writes can be discarded (`tests/powercut`) |
//! | [`small`] | a small disk that can become full |
//! | [`hand`] | a worker with a real handset, in its own process |
//! | [`servers`] | one server, or two over one PostgreSQL, behind one address |
//! | [`chaos`] | the faults, chosen by a seed |
//! | [`audit`] | what must be there afterwards, once, with equal bytes |
//! | [`story`] | the log of faults and events, printed after a failure |
//!
//! The seed fixes which faults are tried in which order; the moment at which one hits a process depends on
//! the machine.

pub mod audit;
pub mod chaos;
pub mod hand;
pub mod machine;
pub mod servers;
pub mod small;
pub mod story;

use crate::random::ScenarioRandom;
use anyhow::{Context, Result, ensure};
use machine::{LyingDisks, PowerCutShim};
use std::{
    fmt,
    path::Path,
    time::{Duration, Instant},
};

/// The database engine of a run.
#[derive(Debug, Clone)]
pub enum TortureEngine {
    /// One server and its embedded database, which runs under the shim too.
    Sqlite,
    /// Two servers over the PostgreSQL at this URL and one folder of photos.
    Postgres(String),
}

impl fmt::Display for TortureEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(_) => "postgres",
        })
    }
}

/// Seed, length and engines of a run.
#[derive(Debug, Clone)]
pub struct TorturePlan {
    pub seed: u64,
    /// For each engine.
    pub length: RunLength,
    pub engines: Vec<TortureEngine>,
}

/// How long an engine is run.
#[derive(Debug, Clone, Copy)]
pub enum RunLength {
    Time(Duration),
    /// A number of rounds, however long they take: the same work on a slow machine.
    Rounds(u64),
}

/// A run longer than this must have had every kind of fault.
const LONG: Duration = Duration::from_secs(120);

/// Counts of what happened, and what the audit found.
#[derive(Debug, Clone, Default)]
pub struct TortureTally {
    pub rounds: u64,
    pub entries: u64,
    pub photos: u64,
    pub kills: u64,
    pub cuts: u64,
    pub full: u64,
    pub lost: u64,
    pub twice: u64,
    /// Every difference, in words.
    pub differs: Vec<String>,
}

impl TortureTally {
    pub fn is_good(&self) -> bool {
        self.lost == 0 && self.twice == 0 && self.differs.is_empty()
    }
    pub fn lost(&mut self, what: impl Into<String>) {
        self.lost += 1;
        self.differs.push(what.into());
    }
    pub fn twice(&mut self, what: impl Into<String>) {
        self.twice += 1;
        self.differs.push(what.into());
    }
    pub fn differs(&mut self, what: impl Into<String>) {
        self.differs.push(what.into());
    }
    fn words(&self) -> String {
        format!(
            "{} rounds, {} entries, {} photos, {} kills, {} power cuts, {} full disks: {} lost, {} twice",
            self.rounds, self.entries, self.photos, self.kills, self.cuts, self.full, self.lost, self.twice
        )
    }
    fn add(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.entries += other.entries;
        self.photos += other.photos;
        self.kills += other.kills;
        self.cuts += other.cuts;
        self.full += other.full;
        self.lost += other.lost;
        self.twice += other.twice;
        self.differs.extend(other.differs.iter().cloned());
    }
}

/// Runs the plan in `folder` and prints the result. Returns true if nothing was lost, duplicated or
/// different.
pub fn run(plan: &TorturePlan, folder: &Path) -> Result<bool> {
    let shim = PowerCutShim::build(&folder.join("powercut"))?;
    let mut all = TortureTally::default();
    self_check(&shim, plan.seed, folder)?;
    for engine in &plan.engines {
        let place = folder.join(engine.to_string());
        let mut bed = chaos::TestBed::set_up(&place, engine, &shim, plan.seed)?;
        let began = Instant::now();
        let found = bed.rounds(&mut |tally| {
            !tally.is_good()
                || match plan.length {
                    RunLength::Time(time) => began.elapsed() >= time,
                    RunLength::Rounds(rounds) => tally.rounds >= rounds,
                }
        });
        if !found.as_ref().is_ok_and(TortureTally::is_good)
            && let Err(error) = bed.keep()
        {
            // A failure to keep the folder must not replace the audit's finding.
            println!("没有留全 / not all could be kept: {error:#}");
        }
        let tally = found.with_context(|| format!("{engine}, --seed {}", plan.seed))?;
        println!("torture: {engine} {}", tally.words());
        for what in tally.differs.iter().take(30) {
            println!("不符 / differs: {what}");
        }
        all.add(&tally);
        if !tally.is_good() {
            break;
        }
        let is_long = began.elapsed() >= LONG;
        let full = if bed.has_small_disks() { tally.full } else { 1 };
        for (what, how_often) in [
            ("kill", tally.kills),
            ("power cut", tally.cuts),
            ("full disk", full),
        ] {
            ensure!(how_often > 0 || !is_long, "{engine}: no {what} happened");
        }
    }
    if all.is_good() {
        println!("torture: {}", all.words());
    } else {
        println!("torture: --seed {}: {}", plan.seed, all.words());
    }
    Ok(all.is_good())
}

/// Checks the audit itself: with disks that report a sync and do not sync, first the handsets', then the
/// server's, the audit must report a loss.
fn self_check(shim: &PowerCutShim, seed: u64, folder: &Path) -> Result<()> {
    for (who, lying_disks) in [
        (
            "handsets",
            LyingDisks {
                hands: true,
                servers: false,
            },
        ),
        (
            "the server",
            LyingDisks {
                hands: false,
                servers: true,
            },
        ),
    ] {
        let shim = shim.lying(lying_disks);
        let place = folder.join(format!("lying-{}", u8::from(lying_disks.servers)));
        let mut bed = chaos::TestBed::set_up(&place, &TortureEngine::Sqlite, &shim, seed)?;
        let mut left = 3;
        let tally = bed.rounds(&mut |tally| {
            left -= 1;
            !tally.is_good() || left < 0
        })?;
        ensure!(
            tally.lost > 0,
            "self-check: the audit found no loss of {who} on a disk that does not sync: {tally:?}"
        );
        println!(
            "torture: self-check: {who} on a disk that lies about syncs: {} lost, found by the audit",
            tally.lost
        );
    }
    Ok(())
}

/// A separate random stream for one part of a run.
fn random(seed: u64, part: &str) -> ScenarioRandom {
    ScenarioRandom::of(seed, part)
}
