//! The demo city: builds the programs of the workspace and starts `xunge-demo` of the package `e2e`.
//!
//! In the dev profile: a release of everything takes minutes more to build, and the code that computes most (pixels,
//! hashes, encryption, grid) is optimised in the dev profile too, package by package.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::needs::For;
use crate::workspace::Workspace;
use crate::{programs, setup, shell};

const PROGRAM: &str = "xunge-demo";

/// Seconds after which a bounded demo is ended. It takes under 180 s, more on a slow build machine.
const BOUND_SECONDS: &str = "900";

/// Builds and runs it with the terminal's input and output; returns its exit code.
pub fn run(ws: &Workspace, args: &[String]) -> Result<u8> {
    setup::system(For::Build)?;
    programs::build(ws)?;
    let mut demo = Command::new(ws.binary("debug", PROGRAM)?);
    programs::exit_code(demo.args(args).stdin(Stdio::inherit()))
}

/// The bounded demo with the programs that the gate has built.
pub fn once(ws: &Workspace) -> Result<()> {
    let demo = ws.binary("debug", PROGRAM)?;
    shell::run(
        ws.command("timeout")
            .args(["--kill-after=10", BOUND_SECONDS])
            .arg(demo)
            .arg("--once"),
    )
}
