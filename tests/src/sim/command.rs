//! The command line: which seeds, how long, and the lines that it ends with.

use super::{
    plan::Plan,
    shrink,
    world::{Tally, live},
};
use anyhow::{Context as _, Result};
use clap::Parser;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

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
    /// Until the time is over
    #[arg(long)]
    pub minutes: Option<u64>,
    /// A plan out of a file
    #[arg(long)]
    pub plan: Option<PathBuf>,
}

fn seeds(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("A..B")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    Ok((number(from)?, number(to)?))
}

/// Lives what was asked for; `true`: nothing broke.
pub fn run(arguments: &Arguments) -> Result<bool> {
    simdisk::tune_allocator();
    if let Some(path) = &arguments.plan {
        let plan = serde_json::from_slice(&std::fs::read(path)?)?;
        return Ok(one(&plan));
    }
    if let Some(seed) = arguments.seed {
        return Ok(one(&Plan::of(seed)));
    }
    let (from, to) = arguments.seeds.unwrap_or((0, u64::MAX));
    let end = arguments
        .minutes
        .map(|m| Instant::now() + Duration::from_secs(m * 60));
    let mut total = Tally::default();
    let began = Instant::now();
    for seed in from..to {
        let over = end.is_some_and(|end| Instant::now() >= end);
        if over || arguments.days.is_some_and(|days| total.days >= days) {
            break;
        }
        let plan = Plan::of(seed);
        match live(&plan, false).0 {
            Ok(tally) => add(&mut total, &tally),
            Err(broken) => {
                println!("seed {seed}: {broken}");
                let least = shrink::shrink(&plan, broken.rule, 300);
                let (_, story) = shrink::tell(&least);
                for line in &story {
                    println!("  {line}");
                }
                let file = std::env::temp_dir().join(format!("simulate-{seed}.json"));
                std::fs::write(&file, serde_json::to_vec_pretty(&least)?)
                    .with_context(|| file.display().to_string())?;
                println!("seed {seed}: {broken}");
                println!("{} events are enough: {}", least.events.len(), file.display());
                return Ok(false);
            }
        }
    }
    report(&total, began.elapsed());
    Ok(true)
}

fn add(total: &mut Tally, tally: &Tally) {
    total.days += tally.days;
    total.entries += tally.entries;
    total.photos += tally.photos;
    total.crashes += tally.crashes;
    total.steps += tally.steps;
    for (kind, count) in &tally.faults {
        *total.faults.entry(kind.clone()).or_default() += count;
    }
}

fn report(total: &Tally, took: Duration) {
    for (kind, count) in &total.faults {
        println!("{count:>9} {kind}");
    }
    let minutes = took.as_secs_f64() / 60.0;
    println!(
        "{:.0} fault-days/minute, {} steps",
        total.days as f64 / minutes,
        total.steps
    );
    println!(
        "simulate: {} fault-days, {} entries, {} photos, {} crashes: 0 lost, 0 twice, 0 untrue, mailboxes equal",
        total.days, total.entries, total.photos, total.crashes
    );
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
            println!("{tally:?}\ntrace {:016x}, again the same: {same}", tally.trace);
            same
        }
        Err(broken) => {
            println!("{broken}");
            false
        }
    }
}
