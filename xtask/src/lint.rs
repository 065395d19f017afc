//! Checks that do not run the product.

use anyhow::Result;

use crate::select::{CHECKED, VARIANTS};
use crate::shell;
use crate::workspace::Workspace;

pub fn fmt(ws: &Workspace) -> Result<()> {
    shell::run(ws.cargo().args(["fmt", "--all", "--check"]))
}

pub fn typos(ws: &Workspace) -> Result<()> {
    shell::run(&mut ws.command("typos"))
}

/// Licences, banned crates and sources; `deny.toml` says what is allowed.
pub fn deny(ws: &Workspace) -> Result<()> {
    let quiet = ["deny", "--offline", "--log-level", "error"];
    shell::run(
        ws.cargo()
            .args(quiet)
            .args(["check", "licenses", "bans", "sources"]),
    )
}

/// Both selections: code behind a test feature is compiled in the second only.
pub fn clippy(ws: &Workspace) -> Result<()> {
    for selection in [CHECKED, VARIANTS] {
        let mut command = ws.cargo();
        command.arg("clippy").args(selection).arg("--all-targets");
        shell::run(command.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// Downloads what the lock names, for every platform, because cargo-deny checks them all. Later stages need no network.
pub fn fetch(ws: &Workspace, locked: bool) -> Result<()> {
    let locked: &[&str] = if locked { &["--locked"] } else { &[] };
    shell::run(ws.cargo().arg("fetch").args(locked))
}
