//! The command line: which seeds, how long, over how many processes, and the lines that it ends with.
#![allow(
    clippy::disallowed_methods,
    reason = "how long a run takes and how far it is, not the simulated time"
)]

use super::{
    hunt::{self, arm, hunt},
    maker::Flavour,
    plan::{KINDS, Plan},
    shrink,
    town::Town,
    world::{Tally, live},
};
use anyhow::{Context as _, Result, bail};
use clap::Parser;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// From so many fault-days on, a kind of fault that never happened fails the run.
const ENOUGH: u64 = 2_000;

/// Lives days of bad luck and holds the product to its promises.
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo xtask simulate")]
pub struct Arguments {
    /// Until so many fault-days were lived
    #[arg(long)]
    pub days: Option<u64>,
    /// Seeds A..B, B not included
    #[arg(long, value_parser = seeds)]
    pub seeds: Option<(u64, u64)>,
    /// This one only, twice, with its story
    #[arg(long)]
    pub seed: Option<u64>,
    /// With --seed: the short day of this flavour, as a hunt lives it
    #[arg(long)]
    pub flavour: Option<u64>,
    /// Until the time is over
    #[arg(long)]
    pub minutes: Option<u64>,
    /// Processes side by side
    #[arg(long, default_value_t = 2)]
    pub jobs: u64,
    /// Adds this run's figures to those of earlier ones
    #[arg(long)]
    pub summary: Option<PathBuf>,
    /// A plan out of a file, with its story
    #[arg(long)]
    pub plan: Option<PathBuf>,
    /// Puts deliberate defects into the product, one by one; each must be caught
    #[arg(long)]
    pub sabotage: bool,
    /// Of the defects only a few
    #[arg(long)]
    pub sample: bool,
    /// Only this defect
    #[arg(long)]
    pub defect: Option<String>,
    /// One of several processes: every so many seeds, one line of JSON for each
    #[arg(long, hide = true)]
    pub stride: Option<u64>,
}

fn seeds(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("A..B")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    Ok((number(from)?, number(to)?))
}

/// Lives what was asked for; `true`: nothing broke, or every defect was caught.
pub fn run(arguments: &Arguments) -> Result<bool> {
    simdisk::tune_allocator();
    // Founded before any defect is armed.
    Town::get()?;
    if let (Some(name), None) = (&arguments.defect, arguments.stride) {
        arm(name)?;
    }
    if let Some(path) = &arguments.plan {
        let plan = serde_json::from_slice(&std::fs::read(path)?)?;
        return Ok(one(&plan));
    }
    if let Some(seed) = arguments.seed {
        let brief = arguments
            .flavour
            .map(|number| Plan::brief(seed, Flavour::of(number)));
        return Ok(one(&brief.unwrap_or_else(|| Plan::of(seed))));
    }
    match (arguments.stride, &arguments.defect) {
        (Some(_), Some(name)) => hunt(name),
        (Some(stride), None) => work(arguments.seeds.unwrap_or((0, u64::MAX)), stride),
        (None, _) if arguments.sabotage => hunt::all(arguments.jobs, arguments.sample),
        (None, _) => lead(arguments),
    }
}

/// One process of several: a line for each seed, to whoever leads.
fn work((from, to): (u64, u64), stride: u64) -> Result<bool> {
    let mut out = std::io::stdout();
    let mut seed = from;
    while seed < to {
        let line = match live(&Plan::of(seed), false).0 {
            Ok(tally) => serde_json::to_string(&Line::Lived(tally))?,
            Err(broken) => serde_json::to_string(&Line::Broke(seed, broken.to_string()))?,
        };
        writeln!(out, "{line}")?;
        out.flush()?;
        seed += stride;
    }
    Ok(true)
}

#[derive(serde::Serialize, serde::Deserialize)]
enum Line {
    Lived(Tally),
    Broke(u64, String),
}

/// Ends the processes it started, however the run ends.
struct Workers(Vec<Child>);

impl Drop for Workers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn lead(arguments: &Arguments) -> Result<bool> {
    let (from, to) = arguments.seeds.unwrap_or((0, u64::MAX));
    let (sender, lines) = mpsc::channel();
    let mut workers = Workers(Vec::new());
    let jobs = arguments.jobs.max(1);
    for job in 0..jobs {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--stride", &jobs.to_string()])
            .args(["--seeds", &format!("{}..{to}", from.saturating_add(job))])
            // Every day founds the same machines anew: memory that is given back is asked for again at once.
            .env("MIMALLOC_PURGE_DELAY", "10000")
            .stdout(Stdio::piped())
            .spawn()?;
        let out = BufReader::new(child.stdout.take().context("a pipe")?);
        workers.0.push(child);
        let sender = sender.clone();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    drop(sender);
    let began = Instant::now();
    let end = arguments.minutes.map(|m| began + Duration::from_secs(m * 60));
    let mut total = Tally::default();
    let mut told = began;
    for line in lines {
        match serde_json::from_str(&line).with_context(|| line.clone())? {
            Line::Lived(tally) => total.add(&tally),
            Line::Broke(seed, words) => {
                drop(workers);
                println!("seed {seed}: {words}");
                return explain(&Plan::of(seed));
            }
        }
        if told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            eprintln!("{} fault-days so far", total.days);
        }
        let over = end.is_some_and(|end| Instant::now() >= end);
        if over || arguments.days.is_some_and(|days| total.days >= days) {
            break;
        }
    }
    drop(workers);
    println!(
        "{:.0} fault-days/minute in {jobs} processes",
        total.days as f64 / (began.elapsed().as_secs_f64() / 60.0)
    );
    if let Some(path) = &arguments.summary {
        if path.exists() {
            total.add(&serde_json::from_slice(&std::fs::read(path)?)?);
        }
        std::fs::write(path, serde_json::to_vec_pretty(&total)?)?;
    }
    Ok(report(&total))
}

/// The figures; `false` when a kind of fault never happened although there was time for it.
fn report(total: &Tally) -> bool {
    for (kind, count) in &total.faults {
        println!("{count:>9} {kind}");
    }
    let never: Vec<&str> = KINDS
        .iter()
        .copied()
        .filter(|kind| !total.faults.contains_key(*kind))
        .collect();
    if !never.is_empty() {
        println!("never happened: {}", never.join(", "));
    }
    if total.days >= ENOUGH && !never.is_empty() {
        return false;
    }
    println!(
        "simulate: {} fault-days, {} entries, {} photos, {} crashes: 0 lost, 0 twice, 0 untrue, mailboxes equal",
        total.days, total.entries, total.photos, total.crashes
    );
    true
}

/// A day that broke: made small, told, and kept as a file.
fn explain(plan: &Plan) -> Result<bool> {
    let Err(broken) = live(plan, false).0 else {
        bail!("seed {} broke in another process and not in this one", plan.seed);
    };
    println!("making it small ..");
    let least = shrink::shrink(plan, broken.rule, 400);
    let (judged, story) = live(&least, true);
    for line in &story {
        println!("  {line}");
    }
    let file = std::env::temp_dir().join(format!("simulate-{}.json", plan.seed));
    std::fs::write(&file, serde_json::to_vec_pretty(&least)?).with_context(|| file.display().to_string())?;
    let words = judged.err().map_or_else(String::new, |broken| broken.to_string());
    println!(
        "seed {}: {words}\n{} events are enough: {}",
        plan.seed,
        least.events.len(),
        file.display()
    );
    Ok(false)
}

fn one(plan: &Plan) -> bool {
    let (judged, story) = live(plan, true);
    for line in &story {
        println!("{line}");
    }
    match judged {
        Ok(tally) => {
            let again = live(plan, false).0;
            let same = again.as_ref().is_ok_and(|again| again.trace == tally.trace);
            println!("trace {:016x}, again the same: {same}", tally.trace);
            same && report(&tally)
        }
        Err(broken) => {
            println!("{broken}");
            false
        }
    }
}
