//! Benches: one promise each, measured as a ratio against a peer in the same run, always optimised.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::needs::For;
use crate::setup;
use crate::workspace::Workspace;

/// Point to cell; its lines (`promise=… ratio=… ok|short`) and its exit code pass through.
pub fn lookup(ws: &Workspace, args: &[String]) -> Result<ExitCode> {
    setup::system(For::Build)?;
    let bench = ["bench", "--quiet", "--package", "grid", "--bench", "lookup", "--"];
    let status = ws
        .cargo()
        .args(bench)
        .args(args)
        .status()
        .context("cannot start the bench")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
