//! What can be said about a tree without running it.

use std::process::ExitCode;

use anyhow::Result;

use crate::needs::For;
use crate::stages::Stages;
use crate::workspace::Workspace;
use crate::{arrows, files, setup, shell, tools};

pub fn run(ws: &Workspace) -> Result<ExitCode> {
    let mut stages = Stages::new("lint");
    if prepare(ws, &mut stages, crate::suite::asked_for_ci()) {
        quick(ws, &mut stages);
        slow(ws, &mut stages);
    }
    Ok(stages.finish())
}

/// Installs what is missing and downloads what the lock names; returns whether anything can be built.
///
/// Missing pinned tools fail the run and stop nothing: `cargo test` can stand in for nextest.
pub fn prepare(ws: &Workspace, stages: &mut Stages, locked: bool) -> bool {
    let system = stages.run("setup", || setup::system(For::Test));
    stages.run("tools", || tools::install(ws));
    // For every platform, because cargo-deny judges them all; later stages work without a network.
    let locked: &[&str] = if locked { &["--locked"] } else { &[] };
    system && stages.run("fetch", || shell::run(ws.cargo().arg("fetch").args(locked)))
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
        shell::run(
            ws.cargo()
                .args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        )
    });
}
