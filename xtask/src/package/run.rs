//! Writes `dist/`, once or twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::artefacts::ARTEFACTS;
use super::{build, closure, licences, sbom};
use crate::needs::For;
use crate::setup;
use crate::shell;
use crate::workspace::Workspace;

const DIST: &str = "dist";
const LICENCES: &str = "THIRD-PARTY-LICENCES.txt";
const SUMS: &str = "SHA256SUMS";
const OWN_LICENCES: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT"];

/// Builds what changed and writes `dist/`.
pub fn once(ws: &Workspace) -> Result<()> {
    package(ws, false).map(|_| ())
}

/// Builds from nothing twice in the same place and compares every file.
pub fn twice(ws: &Workspace) -> Result<()> {
    let first = package(ws, true)?;
    let second = package(ws, true)?;
    let names = first.keys().chain(second.keys());
    let mut differing: Vec<&String> = names
        .filter(|name| first.get(*name) != second.get(*name))
        .collect();
    differing.dedup();
    if !differing.is_empty() {
        bail!("two builds of one commit differ in: {differing:?}");
    }
    println!("package: {} files, the same bytes twice", first.len());
    Ok(())
}

/// Writes `dist/`; returns the SHA-256 of each file.
fn package(ws: &Workspace, fresh: bool) -> Result<BTreeMap<String, String>> {
    setup::system(For::Build)?;
    let epoch: u64 = git(ws, &["log", "-1", "--format=%ct"])?
        .parse()
        .context("git names no time of the commit")?;
    let time = git(
        ws,
        &[
            "log",
            "-1",
            "--format=%cd",
            "--date=format-local:%Y-%m-%dT%H:%M:%SZ",
        ],
    )?;
    if !git(ws, &["status", "--porcelain"])?.is_empty() {
        println!("package: the tree has changes that are not committed; this is no release of a commit");
    }
    let programs = build::build(ws, epoch, fresh)?;
    let dist = ws.path(DIST);
    if dist.exists() {
        std::fs::remove_dir_all(&dist).context("cannot remove the old dist/")?;
    }
    std::fs::create_dir_all(&dist).context("cannot create dist/")?;
    let host = closure::host()?;
    let facts = closure::facts(ws, &host)?;
    let mut closures = Vec::new();
    for (artefact, program) in ARTEFACTS.iter().zip(&programs) {
        std::fs::copy(program, dist.join(artefact.program)).context("cannot copy a program")?;
        let sum = sha256(program)?;
        let linked = closure::of(ws, artefact, &host)?;
        let bom = sbom::text(artefact, &linked, &facts, &sum, &time)?;
        write(&dist.join(format!("{}.cdx.json", artefact.program)), &bom)?;
        closures.push(linked);
    }
    write(&dist.join(LICENCES), &licences::text(ws, &closures, &facts)?)?;
    for name in OWN_LICENCES {
        std::fs::copy(ws.path(name), dist.join(name)).with_context(|| format!("cannot copy {name}"))?;
    }
    sums(&dist)
}

/// Writes the list of sums beside the files.
fn sums(dist: &Path) -> Result<BTreeMap<String, String>> {
    let mut sums = BTreeMap::new();
    for entry in std::fs::read_dir(dist).context("cannot read dist/")? {
        let path: PathBuf = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        sums.insert(name, sha256(&path)?);
    }
    let lines: String = sums
        .iter()
        .map(|(name, sum)| format!("{sum}  {name}\n"))
        .collect();
    write(&dist.join(SUMS), &lines)?;
    print!("package: {DIST}/\n{lines}");
    Ok(sums)
}

fn sha256(file: &Path) -> Result<String> {
    let program = if shell::which("sha256sum").is_some() {
        "sha256sum"
    } else {
        "shasum"
    };
    let mut command = shell::quiet_stdin(program);
    if program == "shasum" {
        command.args(["-a", "256"]);
    }
    let out = String::from_utf8_lossy(&shell::output(command.arg(file))?).into_owned();
    let sum = out.split_whitespace().next().unwrap_or_default().to_owned();
    ensure!(sum.len() == 64, "{program} gave no SHA-256: {out}");
    Ok(sum)
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn git(ws: &Workspace, args: &[&str]) -> Result<String> {
    let mut git: Command = ws.command("git");
    git.args(["-c", "safe.directory=*"]).args(args).env("TZ", "UTC");
    Ok(String::from_utf8_lossy(&shell::output(&mut git)?)
        .trim()
        .to_owned())
}
