//! Benches: one promise each, measured as a ratio against a peer in the same run, always optimised.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::needs::For;
use crate::workspace::Workspace;
use crate::{pg, programs, setup, shell, symbols};

/// Point to cell; its lines (`promise=… ratio=… ok|short`) and its exit code are passed on.
pub fn lookup(ws: &Workspace, args: &[String]) -> Result<u8> {
    setup::system(For::Build)?;
    let bench = ["bench", "--quiet", "--package", "grid", "--bench", "lookup", "--"];
    programs::exit_code(ws.cargo().args(bench).args(args))
}

/// A server in a process of its own (`ingest`, `photos`, `wire`) against the raw cost in the same run; its lines
/// (`promise=… ours=… raw=… ratio=… goal=… ok|MISSED`) and its exit code are passed on.
pub fn server(ws: &Workspace, which: &str, args: &[String]) -> Result<u8> {
    setup::system(For::Build)?;
    // Two commands: built in one, the server would get features that only `e2e` asks for.
    for (package, program) in [("server", "xunge-server"), ("e2e", "xunge-bench")] {
        let build = ["build", "--release", "--package", package, "--bin", program];
        shell::run(ws.cargo().args(build))?;
    }
    let program = ws.binary("release", "xunge-bench")?;
    symbols::innocent(ws, &[ws.binary("release", "xunge-server")?, program.clone()])?;
    let mut bench = Command::new(program);
    bench.arg(which).args(args).stdin(Stdio::inherit());
    // In the target folder: it lies on a real disk, the temporary folder of the system may not.
    bench.current_dir(ws.binary("release", "")?);
    let given = args.iter().any(|arg| arg.starts_with("--postgres"));
    let cluster = match which {
        "ingest" if !given => Some(pg::Cluster::start_durable()?),
        _ => None,
    };
    if let Some(cluster) = &cluster {
        bench.args(["--postgres", &cluster.url()]);
    }
    programs::exit_code(&mut bench)
}
