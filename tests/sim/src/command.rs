//! The command line: which seeds, how long, over how many processes, and the result lines.
#![allow(
    clippy::disallowed_methods,
    reason = "how long a run takes and how far it is, not the simulated time"
)]

use super::{
    city_template::CityTemplate,
    commits::{self, Commits},
    hunt::{self, arm, hunt},
    maker::Flavour,
    plan::{DayPlan, KINDS},
    shrink,
    world::{DayTally, run_plan},
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

/// From this many fault-days on, a kind of fault that never happened fails the run.
const ENOUGH: u64 = 2_000;

/// Simulates days with faults and checks the product's invariants
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo xtask simulate")]
pub struct SimulateArgs {
    /// Stop after this many fault-days
    #[arg(long)]
    pub days: Option<u64>,
    /// Seeds A..B, B excluded
    #[arg(long, value_parser = seeds)]
    pub seeds: Option<(u64, u64)>,
    /// Run only this seed, twice, with its log
    #[arg(long)]
    pub seed: Option<u64>,
    /// With --seed: the short day of this flavour, as a defect hunt runs it
    #[arg(long)]
    pub flavour: Option<u64>,
    /// Run only the server's store, this many times, with commits that overlap
    #[arg(long)]
    pub commits: Option<u64>,
    /// Stop after this many minutes
    #[arg(long)]
    pub minutes: Option<u64>,
    /// Number of parallel processes
    #[arg(long, default_value_t = 2)]
    pub jobs: u64,
    /// Add this run's counts to those in this file
    #[arg(long)]
    pub summary: Option<PathBuf>,
    /// Run a plan file, with its log
    #[arg(long)]
    pub plan: Option<PathBuf>,
    /// Plant deliberate defects, one by one; each must be caught
    #[arg(long)]
    pub sabotage: bool,
    /// With --sabotage: a sample of the defects only
    #[arg(long)]
    pub sample: bool,
    /// Plant only this defect
    #[arg(long)]
    pub defect: Option<String>,
    /// Worker process: run every n-th seed and print one JSON line for each
    #[arg(long, hide = true)]
    pub stride: Option<u64>,
}

fn seeds(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("A..B")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    Ok((number(from)?, number(to)?))
}

/// Runs what was asked for. Returns true if no invariant was violated, or if every defect was caught.
pub fn run(arguments: &SimulateArgs) -> Result<bool> {
    simdisk::tune_allocator();
    // The template is made before any defect is armed.
    CityTemplate::get()?;
    if let (Some(name), None) = (&arguments.defect, arguments.stride) {
        arm(name)?;
    }
    if let Some(times) = arguments.commits {
        return overlap(times);
    }
    if let Some(path) = &arguments.plan {
        let plan = serde_json::from_slice(&std::fs::read(path)?)?;
        return Ok(one(&plan));
    }
    if let Some(seed) = arguments.seed {
        let brief = arguments
            .flavour
            .map(|number| DayPlan::brief(seed, Flavour::of(number)));
        return Ok(one(&brief.unwrap_or_else(|| DayPlan::of(seed))));
    }
    match (arguments.stride, &arguments.defect) {
        (Some(_), Some(name)) => hunt(name),
        (Some(stride), None) => work(arguments.seeds.unwrap_or((0, u64::MAX)), stride),
        (None, _) if arguments.sabotage => hunt::all(arguments.jobs, arguments.sample),
        (None, _) => lead(arguments),
    }
}

fn overlap(times: u64) -> Result<bool> {
    let mut done = Commits::default();
    for seed in 0..times {
        match commits::run(seed) {
            Ok(run) => done += run,
            Err(broken) => {
                println!("{broken}");
                return Ok(false);
            }
        }
    }
    println!(
        "{times} runs of the store with overlapping commits: {} written, {} read, {} refused, {} unknown, {} power cuts",
        done.written, done.read, done.refused, done.unknown, done.cuts
    );
    Ok(true)
}

/// Worker process: prints one line per seed for the leading process.
fn work((from, to): (u64, u64), stride: u64) -> Result<bool> {
    let mut out = std::io::stdout();
    let mut seed = from;
    while seed < to {
        let line = match run_plan(&DayPlan::of(seed), false).0 {
            Ok(tally) => serde_json::to_string(&WorkerMessage::Lived(tally))?,
            Err(violation) => serde_json::to_string(&WorkerMessage::Broke(seed, violation.to_string()))?,
        };
        writeln!(out, "{line}")?;
        out.flush()?;
        seed += stride;
    }
    Ok(true)
}

#[derive(serde::Serialize, serde::Deserialize)]
enum WorkerMessage {
    Lived(DayTally),
    Broke(u64, String),
}

/// Kills the worker processes when dropped.
struct WorkerProcesses(Vec<Child>);

impl Drop for WorkerProcesses {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn lead(arguments: &SimulateArgs) -> Result<bool> {
    let (from, to) = arguments.seeds.unwrap_or((0, u64::MAX));
    let (sender, lines) = mpsc::channel();
    let mut workers = WorkerProcesses(Vec::new());
    let jobs = arguments.jobs.max(1);
    for job in 0..jobs {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--stride", &jobs.to_string()])
            .args(["--seeds", &format!("{}..{to}", from.saturating_add(job))])
            // Every day builds the same objects, so memory that is returned is soon allocated again.
            .env("MIMALLOC_PURGE_DELAY", "10000")
            .stdout(Stdio::piped())
            .spawn()?;
        let out = BufReader::new(child.stdout.take().context("no standard output pipe")?);
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
    let mut total = DayTally::default();
    let mut told = began;
    let mut seeds_run = 0;
    let mut stopped = false;
    for line in lines {
        match serde_json::from_str(&line).with_context(|| line.clone())? {
            WorkerMessage::Lived(tally) => {
                total.add(&tally);
                seeds_run += 1;
            }
            WorkerMessage::Broke(seed, words) => {
                drop(workers);
                println!("seed {seed}: {words}");
                return explain(&DayPlan::of(seed));
            }
        }
        if told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            eprintln!("{} fault-days so far", total.days);
        }
        let is_over = end.is_some_and(|end| Instant::now() >= end);
        stopped = is_over || arguments.days.is_some_and(|days| total.days >= days);
        if stopped {
            break;
        }
    }
    if !stopped && seeds_run < to.saturating_sub(from) {
        bail!("the worker processes ended after {seeds_run} seeds");
    }
    for child in &mut workers.0 {
        if let Some(status) = child.try_wait()?.filter(|status| !status.success()) {
            bail!("a worker process failed: {status}");
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

/// Prints the counts. Returns false if a kind of fault never happened in a run that was long enough.
fn report(total: &DayTally) -> bool {
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
        "{} comparisons of what observers were told with the store, {} tasks announced to them",
        total.compared, total.announced
    );
    println!(
        "simulate: {} fault-days, {} entries, {} photos, {} crashes: 0 lost, 0 twice, 0 untrue, mailboxes equal",
        total.days, total.entries, total.photos, total.crashes
    );
    true
}

/// Reduces a failing day, prints its log and writes its plan to a file.
fn explain(plan: &DayPlan) -> Result<bool> {
    let Err(violation) = run_plan(plan, false).0 else {
        bail!("seed {} failed in another process but not in this one", plan.seed);
    };
    println!("reducing the plan ..");
    let least = shrink::shrink(plan, violation.rule, 400);
    let (checked, log) = run_plan(&least, true);
    for line in &log {
        println!("  {line}");
    }
    let file = std::env::temp_dir().join(format!("simulate-{}.json", plan.seed));
    std::fs::write(&file, serde_json::to_vec_pretty(&least)?).with_context(|| file.display().to_string())?;
    let words = checked
        .err()
        .map_or_else(String::new, |violation| violation.to_string());
    println!(
        "seed {}: {words}\n{} events reproduce it: {}",
        plan.seed,
        least.events.len(),
        file.display()
    );
    Ok(false)
}

fn one(plan: &DayPlan) -> bool {
    let (checked, log) = run_plan(plan, true);
    for line in &log {
        println!("{line}");
    }
    match checked {
        Ok(tally) => {
            let again = run_plan(plan, false).0;
            let same = again.as_ref().is_ok_and(|again| again.trace == tally.trace);
            println!("trace {:016x}, second run equal: {same}", tally.trace);
            same && report(&tally)
        }
        Err(violation) => {
            println!("{violation}");
            false
        }
    }
}
