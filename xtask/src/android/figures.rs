//! `cargo xtask bench android`: what the app costs on the JVM of this machine, as a stand-in for a phone.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use super::build;
use crate::phone;
use crate::workspace::Workspace;

/// Runs of the class `Figures`, each in a JVM of its own; prints the median of each figure and the machine's load.
pub fn figures(ws: &Workspace) -> Result<()> {
    phone::bindings(ws)?;
    let began = load()?;
    let said = build::said(
        ws,
        &[
            "-Dtest=Figures*".to_owned(),
            "-Dsurefire.failIfNoSpecifiedTests=false".to_owned(),
            "-DreuseForks=false".to_owned(),
        ],
    )?;
    let runs = read(&said);
    ensure!(!runs.is_empty(), "no test printed a figure:\n{said}");
    println!(
        "The JVM of this machine stands in for a phone: order of size only. CPU time is of the whole process."
    );
    for (name, values) in &runs {
        let shown: Vec<String> = values
            .iter()
            .map(|(unit, all)| format!("{unit}={} {}", median(all), spread(all)))
            .collect();
        println!("figure={name} {}", shown.join(" "));
    }
    for note in said.lines().filter_map(|line| line.split_once("figure_note=")) {
        println!("note: {}", note.1);
    }
    println!(
        "load of the machine: {began} before, {} after (1 minute)",
        load()?
    );
    Ok(())
}

/// For each figure its units, and for each unit the value of every run.
type Runs = BTreeMap<String, BTreeMap<String, Vec<u64>>>;

/// Reads the lines `figure=NAME unit=N unit=N …` wherever they stand in the output.
fn read(said: &str) -> Runs {
    let mut runs = Runs::new();
    for line in said.lines() {
        let Some((_, rest)) = line.split_once("figure=") else {
            continue;
        };
        let mut words = rest.split_whitespace();
        let Some(name) = words.next() else { continue };
        for (unit, value) in words.filter_map(|word| word.split_once('=')) {
            if let Ok(value) = value.parse() {
                let figure = runs.entry(name.to_owned()).or_default();
                figure.entry(unit.to_owned()).or_default().push(value);
            }
        }
    }
    runs
}

fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn spread(values: &[u64]) -> String {
    let least = values.iter().min().copied().unwrap_or_default();
    let most = values.iter().max().copied().unwrap_or_default();
    format!("({least}–{most})")
}

/// Processes that want the machine, over the last minute.
fn load() -> Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg").context("cannot read the machine's load")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_each_unit_is_taken_over_all_runs() {
        let said = "[INFO] x\nfigure=start cpu_ms=30 heap_mb=9\n.figure=start cpu_ms=10 heap_mb=7\nfigure=start cpu_ms=20 heap_mb=8\nfigure=queue cpu_ms=1\n";
        let runs = read(said);
        assert_eq!(median(&runs["start"]["cpu_ms"]), 20);
        assert_eq!(spread(&runs["start"]["heap_mb"]), "(7–9)");
        assert_eq!(runs["queue"]["cpu_ms"], [1]);
        assert!(read("nothing").is_empty());
    }
}
