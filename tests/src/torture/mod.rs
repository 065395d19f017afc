//! Bad luck with real processes: servers and handsets that are killed at any instruction, disks that forget what was not
//! synced, disks that are full, lines that break. Then an audit from the outside.
//!
//! | part | what it is |
//! |---|---|
//! | [`machine`] | a folder whose unsynced writes can be cut off (`tests/powercut`) |
//! | [`small`] | a small disk that can be full |
//! | [`hand`] | a worker with a real handset, in a process of its own |
//! | [`servers`] | one server, or two over one PostgreSQL, behind one address |
//! | [`chaos`] | what goes wrong, by a seed |
//! | [`audit`] | what must be there afterwards, once, with the same bytes |
//! | [`story`] | what went wrong, in order, for whoever looks into a failure |
//!
//! The seed fixes what is tried in which order; when it hits a process is the machine's own luck.

pub mod audit;
pub mod chaos;
pub mod hand;
pub mod machine;
pub mod servers;
pub mod small;
pub mod story;

use crate::chance::Chance;
use anyhow::{Context, Result, ensure};
use machine::{Lies, Shim};
use std::{
    fmt,
    path::Path,
    time::{Duration, Instant},
};

/// The engine a run is on.
#[derive(Debug, Clone)]
pub enum Engine {
    /// One server and its embedded database, which is under the shim too.
    Sqlite,
    /// Two servers over the PostgreSQL at this URL and one folder of photos.
    Postgres(String),
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(_) => "postgres",
        })
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    /// For each engine.
    pub lasts: Lasts,
    pub engines: Vec<Engine>,
}

/// How long an engine is tortured.
#[derive(Debug, Clone, Copy)]
pub enum Lasts {
    Time(Duration),
    /// However long they take: the same work on a slow machine.
    Rounds(u64),
}

/// From then on chance must have brought every kind of bad luck.
const LONG: Duration = Duration::from_secs(120);

/// What happened, and what was found.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub rounds: u64,
    pub entries: u64,
    pub photos: u64,
    pub kills: u64,
    pub cuts: u64,
    pub full: u64,
    pub lost: u64,
    pub twice: u64,
    /// Everything that differs, in words.
    pub differs: Vec<String>,
}

impl Tally {
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

/// Runs the plan in `folder` and says what it came to; whether all was well.
pub fn run(plan: &Plan, folder: &Path) -> Result<bool> {
    let shim = Shim::build(&folder.join("powercut"))?;
    let mut all = Tally::default();
    self_check(&shim, plan.seed, folder)?;
    for engine in &plan.engines {
        let place = folder.join(engine.to_string());
        let mut arena = chaos::Arena::found(&place, engine, &shim, plan.seed)?;
        let began = Instant::now();
        let found = arena.rounds(&mut |tally| {
            !tally.is_good()
                || match plan.lasts {
                    Lasts::Time(time) => began.elapsed() >= time,
                    Lasts::Rounds(rounds) => tally.rounds >= rounds,
                }
        });
        if !found.as_ref().is_ok_and(Tally::is_good)
            && let Err(error) = arena.keep()
        {
            // Not what went wrong.
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
        let full = if arena.has_small_disks() { tally.full } else { 1 };
        for (what, how_often) in [
            ("kill", tally.kills),
            ("power cut", tally.cuts),
            ("full disk", full),
        ] {
            ensure!(how_often > 0 || !is_long, "{engine}: not one {what} happened");
        }
    }
    if all.is_good() {
        println!("torture: {}", all.words());
    } else {
        println!("torture: --seed {}: {}", plan.seed, all.words());
    }
    Ok(all.is_good())
}

/// An audit that finds nothing must be able to find something: handsets, then the server, on disks that lie about syncs.
fn self_check(shim: &Shim, seed: u64, folder: &Path) -> Result<()> {
    for (who, lies) in [
        (
            "handsets",
            Lies {
                hands: true,
                servers: false,
            },
        ),
        (
            "the server",
            Lies {
                hands: false,
                servers: true,
            },
        ),
    ] {
        let shim = shim.lying(lies);
        let place = folder.join(format!("lying-{}", u8::from(lies.servers)));
        let mut arena = chaos::Arena::found(&place, &Engine::Sqlite, &shim, seed)?;
        let mut left = 3;
        let tally = arena.rounds(&mut |tally| {
            left -= 1;
            !tally.is_good() || left < 0
        })?;
        ensure!(
            tally.lost > 0,
            "self-check: {who} lost nothing on a disk that lies about syncs, so the audit is blind: {tally:?}"
        );
        println!(
            "torture: self-check: {who} on a disk that lies about syncs: {} lost, found by the audit",
            tally.lost
        );
    }
    Ok(())
}

/// A seeded stream of chance for one part of a run.
fn chance(seed: u64, part: &str) -> Chance {
    Chance::of(seed, part)
}
