//! `cargo xtask torture`: builds the programs and starts `xunge-torture` of the package `e2e`.
//!
//! Real servers and handsets under kills, power cuts, full disks and unreliable lines. It needs a C compiler (for the
//! library that drops unsynced writes) and PostgreSQL. Without root no small disk can be mounted, so no disk gets full.

use std::process::Command;

use anyhow::Result;

use crate::needs::For;
use crate::workspace::Workspace;
use crate::{pg, programs, setup, shell};

const PROGRAM: &str = "xunge-torture";

/// Builds and runs it; returns its exit code.
pub fn run(ws: &Workspace, args: &[String]) -> Result<u8> {
    setup::system(For::Build)?;
    programs::build(ws)?;
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
    programs::exit_code(program(ws, &url)?.args(args))
}

/// The share of it in the gate, with the programs that the gate has built. Counted in rounds and not in time, so that a
/// busy machine does the same work.
pub fn bounded(ws: &Workspace, url: &str) -> Result<()> {
    shell::run(program(ws, url)?.args(["--rounds", "1"]))
}

fn program(ws: &Workspace, url: &str) -> Result<Command> {
    let mut torture = shell::quiet_stdin(ws.binary("debug", PROGRAM)?);
    torture.env(pg::VARIABLE, url);
    Ok(torture)
}
