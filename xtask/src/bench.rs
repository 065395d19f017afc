//! Benches: one promise each, measured as a ratio against a peer in the same run, always optimised.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::needs::For;
use crate::workspace::Workspace;
use crate::{pg, programs, setup, shell, symbols};

/// Point to cell; its lines (`promise=… ratio=… ok|short`) and its exit code are passed on.
pub fn lookup(ws: &Workspace, args: &[String]) -> Result<u8> {
    setup::system(For::Build)?;
    let bench = ["bench", "--quiet", "--package", "grid", "--bench", "lookup", "--"];
    programs::exit_code(ws.cargo().args(bench).args(args))
}

/// What a handset's core costs: screens and memory (`xunge-bench handset`), and wake-ups. The simulated clock that the
/// wake-ups need is in the tests of the watch loop; its figures are passed on from there.
pub fn handset(ws: &Workspace, args: &[String]) -> Result<u8> {
    let screens = server(ws, "handset", args)?;
    let mut test = ws.cargo();
    test.args([
        "test",
        "--quiet",
        "--package",
        "terminal-core",
        "--lib",
        "--",
        "--nocapture",
        "w01_",
    ]);
    let said = test.stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8_lossy(&said.stdout);
    let mut missed = 0;
    for (promise, of, goal) in WAKE_UPS {
        let most = wake_ups(&said, of)
            .with_context(|| format!("the tests w01_ printed no figure of {of}:\n{said}"))?;
        let verdict = if most <= goal { "ok" } else { "MISSED" };
        missed |= u8::from(most > goal);
        println!("promise={promise} ours={most} goal={goal} {verdict} (simulated clock)");
    }
    let only_reports = args.iter().any(|arg| arg == "--report");
    Ok(if only_reports {
        screens
    } else {
        screens.max(missed)
    })
}

/// (promise, word at the start of the test's line, most wake-ups in an hour)
const WAKE_UPS: [(&str, &str, u32); 2] = [
    ("handset_wake_ups_offline", "offline", 30),
    ("handset_wake_ups_online", "idle", 130),
];

/// The most wake-ups in the lines `OF…: N wake-ups in an hour`.
fn wake_ups(said: &str, of: &str) -> Option<u32> {
    let figure = |line: &str| -> Option<u32> {
        let (case, rest) = line.rsplit_once(": ")?;
        let figure = rest.strip_suffix(" wake-ups in an hour")?;
        // The harness prints a dot for each test that passed, without a line's end.
        let case = case.trim_start_matches('.');
        case.starts_with(of).then(|| figure.parse().ok())?
    };
    said.lines().filter_map(figure).max()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_wake_ups_count_and_a_missing_figure_is_noticed() {
        let said = "\nrunning 2 tests\noffline: 24 wake-ups in an hour\noffline: 25 wake-ups in an hour\n\
                    .idle, asked heartbeat true: 38 wake-ups in an hour\n";
        assert_eq!(wake_ups(said, "offline"), Some(25));
        assert_eq!(wake_ups(said, "idle"), Some(38));
        assert_eq!(wake_ups(said, "online"), None);
    }
}
