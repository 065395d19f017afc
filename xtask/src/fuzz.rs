//! Decoders that meet bytes from outside, under libFuzzer (`fuzz/`). A bounded run stands in the suite; a longer one is a
//! command. A crash fails and keeps its input.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context as _, Result, bail, ensure};

use crate::shell;
use crate::tools;
use crate::workspace::Workspace;

const FOLDER: &str = "fuzz";
/// Seconds of each target in the suite.
const BOUNDED: u64 = 5;
/// libFuzzer may use this much before it calls that a defect, in MB: the largest honest input is far below.
const MEMORY: &str = "-rss_limit_mb=2048";
/// And this long for one input, in seconds, on a busy machine.
const PATIENCE: &str = "-timeout=20";

/// The bounded run of the suite, with the same chance each time: it guards a change. The longer one goes looking.
pub fn bounded(ws: &Workspace) -> Result<()> {
    let targets = targets(ws)?;
    build(ws)?;
    side_by_side(ws, &targets, BOUNDED, &["-seed=1"])
}

/// `minutes` in all, shared among the targets, or for one of them.
pub fn longer(ws: &Workspace, minutes: u64, target: Option<&str>) -> Result<()> {
    tools::install(ws)?;
    let mut targets = targets(ws)?;
    if let Some(wanted) = target {
        targets.retain(|name| name == wanted);
        ensure!(
            !targets.is_empty(),
            "there is no target {wanted} in {FOLDER}/fuzz_targets"
        );
    }
    build(ws)?;
    let hands = hands().min(targets.len()) as u64;
    let seconds = minutes * 60 * hands / targets.len() as u64;
    side_by_side(ws, &targets, seconds.max(1), &[])
}

fn hands() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn targets(ws: &Workspace) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(ws.path(FOLDER).join("fuzz_targets"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".rs").map(str::to_owned));
    }
    names.sort();
    ensure!(!names.is_empty(), "no fuzz target: nothing can be tried");
    Ok(names)
}

fn fuzz(ws: &Workspace) -> Command {
    // By rustup's proxy and not by the cargo that started us: only that one knows `+nightly`.
    let mut command = ws.command("cargo");
    command
        .args(["+nightly", "fuzz"])
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("RUSTC")
        .env_remove("CARGO_TARGET_DIR")
        // Addresses without names would push the panic's own words out of sight.
        .env("RUST_BACKTRACE", "0");
    command
}

fn build(ws: &Workspace) -> Result<()> {
    shell::run(fuzz(ws).args(["build", "--fuzz-dir", FOLDER]))
        .context("the targets do not build; rustup's toolchain `nightly` and cargo-fuzz are needed")
}

/// As many targets at once as there are processors.
fn side_by_side(ws: &Workspace, targets: &[String], seconds: u64, chance: &[&str]) -> Result<()> {
    let (waiting, failed) = (Mutex::new(targets.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..hands() {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().ok().and_then(|mut waiting| waiting.next());
                    let Some(target) = next else {
                        return;
                    };
                    match one(ws, target, seconds, chance) {
                        Ok(said) => println!("fuzz: {target}: {said}"),
                        Err(error) => {
                            eprintln!("fuzz: {target}: {error:#}");
                            if let Ok(mut failed) = failed.lock() {
                                failed.push(target.clone());
                            }
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    if failed.is_empty() {
        println!("fuzz: {} targets, {seconds} s each: no crash", targets.len());
        return Ok(());
    }
    bail!(
        "{} failed; the input that did it is named above",
        failed.join(", ")
    )
}

/// One target for so long, from its seeds and what earlier runs found. A finding keeps its input in `fuzz/artifacts`.
fn one(ws: &Workspace, target: &str, seconds: u64, chance: &[&str]) -> Result<String> {
    let folder = ws.path(FOLDER);
    let corpus = folder.join("corpus").join(target);
    std::fs::create_dir_all(&corpus)?;
    let seeds = folder.join("seeds").join(target);
    ensure!(
        seeds.is_dir(),
        "{} is missing: a target begins with examples",
        seeds.display()
    );
    let out = fuzz(ws)
        .args(["run", "--fuzz-dir", FOLDER, target])
        .args([&corpus, &seeds])
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .args([MEMORY, PATIENCE, "-print_final_stats=1", "-verbosity=0"])
        .args(chance)
        .stdout(Stdio::null())
        .output()
        .context("cannot start cargo-fuzz")?;
    let said = String::from_utf8_lossy(&out.stderr);
    if !out.status.success() {
        bail!("{}\n{}", out.status, tail(&said));
    }
    Ok(executions(&said).unwrap_or_else(|| format!("done, {}", kept(&corpus))))
}

/// `stat::number_of_executed_units: 12345` of libFuzzer's last words.
fn executions(said: &str) -> Option<String> {
    let line = said
        .lines()
        .find(|line| line.contains("number_of_executed_units"))?;
    Some(format!("{} inputs", line.rsplit(':').next()?.trim()))
}

fn kept(corpus: &Path) -> String {
    let count = std::fs::read_dir(corpus).map_or(0, Iterator::count);
    format!("{count} inputs kept")
}

fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    let skip = lines.len().saturating_sub(60);
    lines.into_iter().skip(skip).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_did_is_read_from_its_last_words() {
        let said = "INFO: x\nstat::number_of_executed_units: 123\nstat::average_exec_per_sec:     24\n";
        assert_eq!(executions(said).as_deref(), Some("123 inputs"));
        assert_eq!(executions("nothing"), None);
    }
}
