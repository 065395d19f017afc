//! The demo city: builds the workspace's programs and starts `xunge-demo` of the room `tests`.
//!
//! In the dev profile: the release of everything takes minutes more to build, and what is heavy (pixels, hashes,
//! encryption, grid) is optimised there too, package by package.

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result};

use crate::needs::For;
use crate::workspace::Workspace;
use crate::{setup, shell};

const PROGRAM: &str = "xunge-demo";

/// Ends a bounded demo that hangs; it promises to take under 3 minutes, and build machines are slow.
const BOUND_SECONDS: &str = "900";

/// Builds and runs it with the terminal's input and output; its exit code is ours.
pub fn run(ws: &Workspace, args: &[String]) -> Result<ExitCode> {
    setup::system(For::Build)?;
    // All programs and not only this one: the demo starts others (the server) that must be as new as itself.
    shell::run(ws.cargo().args(["build", "--workspace", "--bins"]))?;
    let mut demo = Command::new(ws.binary("debug", PROGRAM)?);
    let status = demo
        .args(args)
        .stdin(Stdio::inherit())
        .status()
        .context("cannot start the demo")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The bounded demo on what the test run has built already.
pub fn once(ws: &Workspace) -> Result<()> {
    let demo = ws.binary("debug", PROGRAM)?;
    shell::run(
        ws.command("timeout")
            .args(["--kill-after=10", BOUND_SECONDS])
            .arg(demo)
            .arg("--once"),
    )
}
