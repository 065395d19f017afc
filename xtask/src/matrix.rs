//! `cargo xtask proof matrix`: the authorisation matrix in full, every operation by every role from every place, on both
//! engines. The gate runs every role inside and outside, and pairs of the rest (`server/tests/security_matrix.rs`).

use anyhow::Result;

use crate::shell;
use crate::workspace::Workspace;

/// Runs the tests that the gate leaves out; they print cells and seconds.
pub fn full(ws: &Workspace) -> Result<()> {
    let mut test = ws.cargo();
    test.args([
        "test",
        "--quiet",
        "--package",
        "server",
        "--test",
        "security_matrix",
    ]);
    test.args(["--", "--ignored", "--nocapture", "full_product"]);
    shell::run(&mut test)
}
