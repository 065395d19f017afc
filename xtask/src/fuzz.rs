//! Decoders of outside bytes under libFuzzer (`fuzz/`). A bounded run is a stage of the gate; a longer one is a
//! command. A crash is a failure and keeps its input.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context as _, Result, bail, ensure};

use crate::shell;
use crate::tools;
use crate::workspace::Workspace;

const FOLDER: &str = "fuzz";
/// Seconds for each target in the gate.
const BOUNDED: u64 = 5;
/// Memory in MB above which libFuzzer reports a defect. The largest valid input needs far less.
const MEMORY: &str = "-rss_limit_mb=2048";
/// Seconds for one input, on a busy machine.
const TIMEOUT: &str = "-timeout=20";

/// The bounded run of the gate, with a fixed seed: it guards a change. The longer run searches.
pub fn bounded(ws: &Workspace) -> Result<()> {
    let targets = targets(ws)?;
    build(ws)?;
    in_parallel(ws, &targets, BOUNDED, &["-seed=1"])
}

/// Fuzzes for `minutes` in all, shared by the targets, or one target only.
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
    let parallel = processors().min(targets.len()) as u64;
    let seconds = minutes * 60 * parallel / targets.len() as u64;
    in_parallel(ws, &targets, seconds.max(1), &[])
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn targets(ws: &Workspace) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(ws.path(FOLDER).join("fuzz_targets"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".rs").map(str::to_owned));
    }
    names.sort();
    ensure!(!names.is_empty(), "no fuzz target");
    Ok(names)
}

fn fuzz(ws: &Workspace) -> Command {
    // Through rustup's proxy and not the cargo that started xtask: only the proxy knows `+nightly`.
    let mut command = ws.command("cargo");
    command
        .args(["+nightly", "fuzz"])
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("RUSTC")
        .env_remove("CARGO_TARGET_DIR")
        // A backtrace of addresses without names would hide the message of the panic.
        .env("RUST_BACKTRACE", "0");
    command
}

fn build(ws: &Workspace) -> Result<()> {
    shell::run(fuzz(ws).args(["build", "--fuzz-dir", FOLDER]))
        .context("the targets do not build; they need rustup's toolchain `nightly` and cargo-fuzz")
}

/// Runs as many targets at once as there are processors.
fn in_parallel(ws: &Workspace, targets: &[String], seconds: u64, seed: &[&str]) -> Result<()> {
    let (waiting, failed) = (Mutex::new(targets.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..processors() {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().ok().and_then(|mut waiting| waiting.next());
                    let Some(target) = next else {
                        return;
                    };
                    match one(ws, target, seconds, seed) {
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
    bail!("{} failed; the failing input is named above", failed.join(", "))
}

/// Runs one target from its seeds and the corpus of earlier runs. A failing input is kept in `fuzz/artifacts`.
fn one(ws: &Workspace, target: &str, seconds: u64, seed: &[&str]) -> Result<String> {
    let folder = ws.path(FOLDER);
    let corpus = folder.join("corpus").join(target);
    std::fs::create_dir_all(&corpus)?;
    let seeds = folder.join("seeds").join(target);
    ensure!(
        seeds.is_dir(),
        "{} is missing: a target needs seeds",
        seeds.display()
    );
    let out = fuzz(ws)
        .args(["run", "--fuzz-dir", FOLDER, target])
        .args([&corpus, &seeds])
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .args([MEMORY, TIMEOUT, "-print_final_stats=1", "-verbosity=0"])
        .args(seed)
        .stdout(Stdio::null())
        .output()
        .context("cannot start cargo-fuzz")?;
    let said = String::from_utf8_lossy(&out.stderr);
    if !out.status.success() {
        bail!("{}\n{}", out.status, tail(&said));
    }
    Ok(executions(&said).unwrap_or_else(|| format!("done, {}", kept(&corpus))))
}

/// Reads `stat::number_of_executed_units: 12345` at the end of libFuzzer's output.
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
    fn the_number_of_inputs_is_read_from_the_output_of_libfuzzer() {
        let said = "INFO: x\nstat::number_of_executed_units: 123\nstat::average_exec_per_sec:     24\n";
        assert_eq!(executions(said).as_deref(), Some("123 inputs"));
        assert_eq!(executions("nothing"), None);
    }
}
