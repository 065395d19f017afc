//! `cargo xtask proof matrix`: the authorisation matrix in full, every operation by every role from every place, on both
//! engines. The gate runs every role inside and outside, and pairs of the rest (`server/tests/security_matrix.rs`).
//! `cargo xtask proof listeners`: the gate's test of many listeners with ten times as many.

use std::process::Command;

use anyhow::Result;

use crate::shell;
use crate::workspace::Workspace;

/// Runs the tests that the gate leaves out; they print cells and seconds.
pub fn full(ws: &Workspace) -> Result<()> {
    let mut test = of_server(ws, "security_matrix");
    test.args(["--ignored", "--nocapture", "full_product"]);
    shell::run(&mut test)
}

/// 10,000 listeners and 200 desks.
pub fn listeners(ws: &Workspace) -> Result<()> {
    let mut test = of_server(ws, "security_listeners");
    test.args(["--nocapture", "listeners_and_desks_work"]);
    shell::run(test.env("XUNGE_LISTENERS", "10000"))
}

fn of_server(ws: &Workspace, name: &str) -> Command {
    let mut test = ws.cargo();
    test.args(["test", "--quiet", "--package", "server", "--test", name, "--"]);
    test
}
