//! Benches: one promise each, measured as a ratio against a peer in the same run, always optimised.

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result};

use crate::needs::For;
use crate::workspace::Workspace;
use crate::{pg, setup, shell};

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
    Ok(code_of(status.code()))
}

/// A whole server in a process of its own (`ingest`, `photos`, `wire`) against the floor of the same run; its lines
/// (`promise=… ours=… raw=… ratio=… goal=… ok|MISSED`) and its exit code pass through.
pub fn server(ws: &Workspace, which: &str, args: &[String]) -> Result<ExitCode> {
    setup::system(For::Build)?;
    // In two steps: built together, the server would take on features that only the tests ask for.
    for (package, program) in [("server", "xunge-server"), ("e2e", "xunge-bench")] {
        let build = ["build", "--release", "--package", package, "--bin", program];
        shell::run(ws.cargo().args(build))?;
    }
    let mut bench = Command::new(ws.binary("release", "xunge-bench")?);
    bench.arg(which).args(args).stdin(Stdio::inherit());
    // In the target folder, which lies on a real disk where the system's temporary folder may not.
    bench.current_dir(ws.binary("release", "")?);
    let given = args.iter().any(|arg| arg.starts_with("--postgres"));
    let cluster = match which {
        "ingest" if !given => Some(pg::Cluster::start_durable()?),
        _ => None,
    };
    if let Some(cluster) = &cluster {
        bench.args(["--postgres", &cluster.url()]);
    }
    Ok(code_of(bench.status().context("cannot start the bench")?.code()))
}

fn code_of(code: Option<i32>) -> ExitCode {
    let code = code.and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
