//! The simulator: builds `xunge-simulate` of the package `sim` (`tests/sim`) in the profile `sim` (optimised, with all
//! run-time checks) and runs it. A bounded share of it is a stage of the gate.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::needs::For;
use crate::select::VARIANT;
use crate::workspace::Workspace;
use crate::{programs, setup, shell};

const PROGRAM: &str = "xunge-simulate";

/// Builds and runs it; returns its exit code.
pub fn run(ws: &Workspace, args: &[String]) -> Result<u8> {
    setup::system(For::Build)?;
    let build = [
        "build",
        "--profile",
        "sim",
        "--package",
        VARIANT,
        "--bin",
        PROGRAM,
    ];
    shell::run(ws.cargo().args(build))?;
    programs::exit_code(
        Command::new(ws.binary("sim", PROGRAM)?)
            .args(args)
            .stdin(Stdio::null()),
    )
}

/// Some days, and a sample of the deliberate defects, with the unoptimised program of the stage `variants`: on a clean
/// machine the optimised one takes longer to build than this takes to run. Days are counted and not time, so that a
/// busy machine does the same work.
pub fn bounded(ws: &Workspace) -> Result<()> {
    let simulate = |args: &[&str]| -> Result<()> {
        let mut command = Command::new(ws.binary("debug", PROGRAM)?);
        shell::run(command.args(args).stdin(Stdio::null()))
    };
    simulate(&["--days", "60"])?;
    simulate(&["--commits", "400"])?;
    simulate(&["--sabotage", "--sample"])
}
