//! `cargo xtask torture`: builds the programs and starts `xunge-torture` of the room `tests`.
//!
//! Real servers and handsets under kills, power cuts, full disks and bad lines. It needs a C compiler (the shim that forgets
//! unsynced writes) and PostgreSQL; without root no small disk can be mounted, and then no disk gets full.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::needs::For;
use crate::workspace::Workspace;
use crate::{pg, setup, shell};

const PROGRAM: &str = "xunge-torture";

/// Builds and runs it; its exit code is ours.
pub fn run(ws: &Workspace, args: &[String]) -> Result<ExitCode> {
    setup::system(For::Build)?;
    // All programs and not only this one: it starts others (the server) that must be as new as itself.
    shell::run(ws.cargo().args(["build", "--workspace", "--bins"]))?;
    let given = std::env::var(pg::VARIABLE).ok().filter(|url| !url.is_empty());
    let cluster = match given {
        Some(_) => None,
        None => Some(pg::Cluster::start()?),
    };
    let url = cluster
        .as_ref()
        .map(pg::Cluster::url)
        .or(given)
        .unwrap_or_default();
    let status = program(ws, &url)?
        .args(args)
        .status()
        .context("cannot start torture")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The share of it that every run of the suite takes: counted in rounds and not in time, so that a busy machine does the same.
/// The programs are built.
pub fn bounded(ws: &Workspace, url: &str) -> Result<()> {
    shell::run(program(ws, url)?.args(["--rounds", "1"]))
}

fn program(ws: &Workspace, url: &str) -> Result<Command> {
    let mut torture = shell::quiet_stdin(ws.binary("debug", PROGRAM)?);
    torture.env(pg::VARIABLE, url);
    Ok(torture)
}
