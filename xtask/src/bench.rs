//! Benches: one promise each, measured as a ratio against a peer in the same run, always optimised.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::needs::For;
use crate::workspace::Workspace;
use crate::{setup, shell};

/// Point to cell; its lines (`promise=… ratio=… ok|short`) and its exit code pass through.
pub fn lookup(ws: &Workspace, args: &[String]) -> Result<ExitCode> {
    setup::system(For::Build)?;
    shell::run(
        ws.cargo()
            .args(["build", "--release", "--package", "e2e", "--bin", "bench-lookup"]),
    )?;
    let mut bench = Command::new(ws.binary("release", "bench-lookup")?);
    let status = bench.args(args).status().context("cannot start the bench")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
