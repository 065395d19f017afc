//! What can be said about a tree without running it.

use std::process::ExitCode;

use anyhow::Result;

use crate::stages::Stages;
use crate::workspace::Workspace;
use crate::{arrows, files, setup, shell};

pub fn run(ws: &Workspace) -> Result<ExitCode> {
    let mut stages = Stages::new("lint");
    if stages.run("setup", || setup::all(ws))
        && stages.run("fetch", || fetch(ws, crate::suite::asked_for_ci()))
    {
        quick(ws, &mut stages);
        slow(ws, &mut stages);
    }
    Ok(stages.finish())
}

/// Downloads what the lock names, for every platform: later stages work without a network.
pub fn fetch(ws: &Workspace, locked: bool) -> Result<()> {
    let locked: &[&str] = if locked { &["--locked"] } else { &[] };
    shell::run(ws.cargo().arg("fetch").args(locked))
}

/// Checks of seconds.
pub fn quick(ws: &Workspace, stages: &mut Stages) {
    stages.run("fmt", || shell::run(ws.cargo().args(["fmt", "--all", "--check"])));
    stages.run("arrows", || arrows::run(ws));
    stages.run("paths", || files::foreign_paths(ws));
    stages.run("lengths", || files::lengths(ws));
}

/// Checks that take longer or need the pinned tools.
pub fn slow(ws: &Workspace, stages: &mut Stages) {
    stages.run("typos", || shell::run(&mut ws.command("typos")));
    stages.run("deny", || {
        shell::run(ws.cargo().args([
            "deny",
            "--offline",
            "--log-level",
            "error",
            "check",
            "licenses",
            "bans",
            "sources",
        ]))
    });
    stages.run("clippy", || {
        shell::run(ws.cargo().args([
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    });
}
