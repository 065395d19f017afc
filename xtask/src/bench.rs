//! Benches: one promise each, measured as a ratio against a peer in the same run, always optimised.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::needs::For;
use crate::workspace::Workspace;
use crate::{pg, programs, setup, shell, symbols};

/// Point to cell at three sizes; its lines (`promise=… ratio=… ok|MISSED`) and its exit code are passed on: only a
/// difference from brute force fails it. `--only lookup_2500` runs one size.
pub fn lookup(ws: &Workspace, args: &[String]) -> Result<u8> {
    setup::system(For::Build)?;
    let bench = ["bench", "--quiet", "--package", "grid", "--bench", "lookup", "--"];
    programs::exit_code(ws.cargo().args(bench).args(args))
}

/// The cryptography of the handset's database against the stock one in the same run.
pub fn cipher(ws: &Workspace, args: &[String]) -> Result<u8> {
    let bench = [
        "bench",
        "--quiet",
        "--package",
        "sqlcipher-provider",
        "--bench",
        "pages",
        "--",
    ];
    programs::exit_code(ws.cargo().args(bench).args(args))
}

/// A photo on a handset: memory by its size, and processor time beside libvips.
pub fn photo(ws: &Workspace, args: &[String]) -> Result<u8> {
    setup::system(For::Peer)?;
    let bench = ["bench", "--quiet", "--package", "media", "--bench", "photo", "--"];
    programs::exit_code(ws.cargo().args(bench).args(args))
}

/// What a handset's core costs: screens and memory (`xunge-bench handset`), then what the watch loop costs and how soon
/// it announces a task. The simulated clock that those need is in its tests; their figures are passed on from there.
pub fn handset(ws: &Workspace, args: &[String]) -> Result<u8> {
    let screens = server(ws, "handset", args)?;
    let mut test = ws.cargo();
    test.args(["test", "--quiet", "--package", "terminal-core", "--lib"]);
    test.args(["--", "--nocapture", "w01_", "w15_"]);
    let said = test.stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8_lossy(&said.stdout);
    let mut missed = 0;
    for figure in WATCH {
        let most = figure
            .most(&said)
            .with_context(|| format!("no test printed `{}…: N{}`:\n{said}", figure.begins, figure.ends))?;
        let verdict = if most <= figure.goal { "ok" } else { "MISSED" };
        missed |= u8::from(most > figure.goal);
        println!(
            "promise={} ours={most} goal={} {verdict} (simulated clock)",
            figure.promise, figure.goal
        );
    }
    let only_reports = args.iter().any(|arg| arg == "--report");
    Ok(if only_reports {
        screens
    } else {
        screens.max(missed)
    })
}

/// A figure in the lines `BEGINS…: N ENDS` that the tests of the watch loop print.
struct WatchFigure {
    promise: &'static str,
    begins: &'static str,
    ends: &'static str,
    goal: u32,
}

const WATCH: [WatchFigure; 6] = [
    WatchFigure {
        promise: "handset_wake_ups_offline_hour",
        begins: "offline",
        ends: " wake-ups in an hour",
        goal: 30,
    },
    WatchFigure {
        promise: "handset_wake_ups_online_hour",
        begins: "idle",
        ends: " wake-ups in an hour",
        goal: 130,
    },
    WatchFigure {
        promise: "handset_bytes_in_a_shift",
        begins: "on duty, asked heartbeat true",
        ends: " bytes in six hours",
        goal: 200_000,
    },
    WatchFigure {
        promise: "handset_bytes_in_a_day_off_duty",
        begins: "off duty",
        ends: " bytes in a day",
        goal: 20_000,
    },
    WatchFigure {
        promise: "handset_announced_with_the_line",
        begins: "with the line",
        ends: " s until a task is announced",
        goal: 60,
    },
    // A poll at least every 10 minutes, and up to 5 s for its sync.
    WatchFigure {
        promise: "handset_announced_without_the_line",
        begins: "without the line",
        ends: " s until a task is announced",
        goal: 605,
    },
];

impl WatchFigure {
    /// The largest figure; the harness prints a dot for each test that passed, without a line's end.
    fn most(&self, said: &str) -> Option<u32> {
        let figure = |line: &str| -> Option<u32> {
            let line = line.trim_start_matches('.').strip_prefix(self.begins)?;
            let (_, figure) = line.strip_suffix(self.ends)?.rsplit_once(": ")?;
            figure.parse().ok()
        };
        said.lines().filter_map(figure).max()
    }
}

/// What a large city costs: SQLite, then PostgreSQL in a cluster of its own; `--postgres URL` measures that one only.
pub fn growth(ws: &Workspace, args: &[String]) -> Result<u8> {
    if args.iter().any(|arg| arg.starts_with("--postgres")) {
        return server(ws, "growth", args);
    }
    let embedded = server(ws, "growth", args)?;
    let cluster = pg::Cluster::start_durable()?;
    let with_cluster = [args, &["--postgres".to_owned(), cluster.url()]].concat();
    Ok(embedded.max(server(ws, "growth", &with_cluster)?))
}

/// Programs of others that our server is compared with: names of folders in `tests/peers`, each a Go module.
const PEERS: [&str; 2] = ["pocketbase", "tusd"];

/// Reports beside PocketBase and photos beside tusd. Both are built with Go from their published modules, whose versions and
/// hashes the sources pin, so the first build needs the network.
pub fn peers(ws: &Workspace, args: &[String]) -> Result<u8> {
    let mut all = Vec::new();
    for peer in PEERS {
        let program = peer_program(ws, peer)?;
        all.extend([format!("--{peer}"), program.to_string_lossy().into_owned()]);
    }
    all.extend_from_slice(args);
    server(ws, "peers", &all)
}

/// Builds a peer into `target/peers` and returns its path.
fn peer_program(ws: &Workspace, peer: &str) -> Result<PathBuf> {
    let usual = Path::new("/usr/local/go/bin/go");
    let program = ws.binary("peers", peer)?;
    let mut build = ws.command(go(shell::which("go"), usual)?);
    build.current_dir(ws.path("tests/peers").join(peer));
    // A fixed compiler and no C: the same program everywhere.
    build.env("CGO_ENABLED", "0").env("GOTOOLCHAIN", "local");
    build.args(["build", "-trimpath", "-mod=readonly", "-buildvcs=false", "-o"]);
    shell::run(build.arg(&program).arg("."))?;
    Ok(program)
}

/// The compiler on PATH, or the one where Go's own archive puts it. Packages of Debian may be too old, so none is installed.
fn go(on_path: Option<PathBuf>, usual: &Path) -> Result<PathBuf> {
    match on_path {
        Some(go) => Ok(go),
        None if usual.is_file() => Ok(usual.to_owned()),
        None => bail!(
            "Go 1.25 or later is needed to build the peers in tests/peers: install it and put `go` on PATH"
        ),
    }
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
        "ingest" | "replicas" if !given => Some(pg::Cluster::start_durable()?),
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
    fn without_go_the_peers_cannot_be_built_and_the_bench_says_so() {
        let missing = Path::new("no/such/go");
        let error = go(None, missing).unwrap_err().to_string();
        assert!(error.contains("Go 1.25"), "{error}");
        let found = PathBuf::from("/opt/go");
        assert_eq!(go(Some(found.clone()), missing).unwrap(), found);
    }

    #[test]
    fn every_peer_is_pinned_and_its_readme_names_the_version() {
        let ws = Workspace::find().unwrap();
        let read = |file: &str| std::fs::read_to_string(ws.path("tests/peers").join(file)).unwrap();
        let readme = read("README.md");
        for peer in PEERS {
            let module = read(&format!("{peer}/go.mod"));
            let named = |word: &str| word.trim_end_matches("/v2").ends_with(&format!("/{peer}"));
            let required = module
                .split_whitespace()
                .skip_while(|word| !named(word) || word.starts_with("xunge/"));
            let version = required.clone().nth(1).unwrap();
            assert!(
                version.starts_with('v') && readme.contains(&format!("{version} | MIT")),
                "{peer} {version}"
            );
            let name = required.clone().next().unwrap();
            let pinned = format!("{name} {version} h1:");
            assert!(read(&format!("{peer}/go.sum")).contains(&pinned), "{pinned}");
        }
    }

    #[test]
    fn the_largest_figure_counts_and_a_missing_one_is_noticed() {
        let said = "\nrunning 2 tests\noffline: 24 wake-ups in an hour\noffline: 25 wake-ups in an hour\n\
                    .idle, asked heartbeat true: 38 wake-ups in an hour\n..with the line (Pass): 4 s until a task is announced\n";
        let most = |promise: &str| {
            let figure = WATCH.iter().find(|figure| figure.promise == promise).unwrap();
            figure.most(said)
        };
        assert_eq!(most("handset_wake_ups_offline_hour"), Some(25));
        assert_eq!(most("handset_wake_ups_online_hour"), Some(38));
        assert_eq!(most("handset_announced_with_the_line"), Some(4));
        assert_eq!(most("handset_announced_without_the_line"), None);
    }
}
