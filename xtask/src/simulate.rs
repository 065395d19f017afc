//! The simulator: builds `xunge-simulate` of the package `sim` (`tests/sim`) under the profile `sim` (optimised, all checks on) and runs
//! it. Its last line and its exit code are the answer. A bounded share of it is a stage of the suite.

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result};

use crate::needs::For;
use crate::workspace::Workspace;
use crate::{setup, shell};

const PROGRAM: &str = "xunge-simulate";

pub fn run(ws: &Workspace, args: &[String]) -> Result<ExitCode> {
    setup::system(For::Build)?;
    let build = ["build", "--profile", "sim", "--package", "sim", "--bin", PROGRAM];
    shell::run(ws.cargo().args(build))?;
    let status = Command::new(ws.binary("sim", PROGRAM)?)
        .args(args)
        .stdin(Stdio::null())
        .status()
        .context("cannot start the simulator")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// What every test run lives through: some days, and a few of the deliberate defects. With the program as the build
/// stage has made it: on a clean machine the optimised one would be built for longer than this runs.
pub fn bounded(ws: &Workspace) -> Result<()> {
    let simulate = |args: &[&str]| -> Result<()> {
        let mut command = Command::new(ws.binary("debug", PROGRAM)?);
        shell::run(command.args(args).stdin(Stdio::null()))
    };
    simulate(&["--days", "60", "--minutes", "2"])?;
    simulate(&["--sabotage", "--sample"])
}
