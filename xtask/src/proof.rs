//! `cargo xtask proof`: what takes longer than the gate may, run by hand before a capability is called done.
//! docs/guides/gate-and-proof.md says what belongs where.
//!
//! A stage is listed when it exists: an empty one would pass and prove nothing.

use anyhow::{Result, ensure};

use crate::stages::{self, Stage};
use crate::workspace::Workspace;
use crate::{android, bench, fuzz, judges, matrix, package, phone, simulate, torture};

/// Simulated days of the long run: 13 to 20 minutes at 520 to 800 days a minute.
const DAYS: &str = "10000";
const COMMITS: &str = "20000";
/// Minutes of torture for each engine.
const TORTURE_MINUTES: &str = "20";
/// Minutes of fuzzing, shared by all targets.
const FUZZ_MINUTES: u64 = 30;

const STAGES: &[Stage<Workspace>] = &[
    Stage {
        name: "simulate",
        what: "10,000 simulated days of faults",
        after: &[],
        run: |ws| succeeded(simulate::run(ws, &args(&["--days", DAYS]))),
    },
    Stage {
        name: "commits",
        what: "20,000 runs of the server's store with overlapping commits and power cuts",
        after: &[],
        run: |ws| succeeded(simulate::run(ws, &args(&["--commits", COMMITS]))),
    },
    Stage {
        name: "sabotage",
        what: "every deliberate defect must be caught",
        after: &[],
        run: |ws| succeeded(simulate::run(ws, &args(&["--sabotage"]))),
    },
    Stage {
        name: "torture",
        what: "20 minutes for each engine of killed processes, cut power and full disks",
        after: &[],
        run: |ws| succeeded(torture::run(ws, &args(&["--minutes", TORTURE_MINUTES]))),
    },
    Stage {
        name: "fuzz",
        what: "30 minutes of fuzzing, shared by all targets",
        after: &[],
        run: |ws| fuzz::longer(ws, FUZZ_MINUTES, None),
    },
    Stage {
        name: "matrix",
        what: "every operation by every role from every place, on both engines",
        after: &[],
        run: matrix::full,
    },
    Stage {
        name: "listeners",
        what: "10,000 listeners and 200 desks of one address, while strangers of the same are refused",
        after: &[],
        run: matrix::listeners,
    },
    Stage {
        name: "attack",
        what: "attackers for 20 seconds each while honest users work: memory and times of a release server",
        after: &[],
        run: |ws| succeeded(judges::attack(ws, &[])),
    },
    Stage {
        name: "phone-core",
        what: "the core's tests with the database's cryptography of phones",
        after: &[],
        run: phone::tests,
    },
    Stage {
        name: "bench-lookup",
        what: "point to cell against geo + rstar",
        after: &[],
        run: |ws| succeeded(bench::lookup(ws, &[])),
    },
    Stage {
        name: "bench-ingest",
        what: "reports into custody against raw statements, on both engines",
        after: &[],
        run: |ws| succeeded(bench::server(ws, "ingest", &[])),
    },
    Stage {
        name: "bench-growth",
        what: "the same questions to cities with 10^4, 10^5 and 10^6 cases, on both engines",
        after: &[],
        run: |ws| succeeded(bench::growth(ws, &[])),
    },
    Stage {
        name: "bench-peers",
        what: "reports beside PocketBase, photos beside tusd (needs Go)",
        after: &[],
        run: |ws| succeeded(bench::peers(ws, &[])),
    },
    Stage {
        name: "bench-photos",
        what: "photos to disk against raw files",
        after: &[],
        run: |ws| succeeded(bench::server(ws, "photos", &[])),
    },
    Stage {
        name: "bench-photo",
        what: "memory and processor time of one photo, against libvips",
        after: &[],
        run: |ws| succeeded(bench::photo(ws, &[])),
    },
    Stage {
        name: "bench-wire",
        what: "bytes of a report on the line",
        after: &[],
        run: |ws| succeeded(bench::server(ws, "wire", &[])),
    },
    Stage {
        name: "bench-cipher",
        what: "the cryptography of the handset's database against OpenSSL",
        after: &[],
        run: |ws| succeeded(bench::cipher(ws, &[])),
    },
    Stage {
        name: "bench-handset",
        what: "screens with 100,000 items, memory and wake-ups of a handset",
        after: &[],
        run: |ws| succeeded(bench::handset(ws, &[])),
    },
    Stage {
        name: "gallery-android",
        what: "every screen of the Android app in every variant: drawn, and its labels, sizes and contrast audited",
        after: &[],
        run: |ws| android::gallery(ws, None),
    },
    Stage {
        name: "size-aarch64",
        what: "the size of the core's library for the processor of phones",
        after: &[],
        run: phone::size_aarch64,
    },
    Stage {
        name: "package-twice",
        what: "two builds of the release give the same bytes",
        after: &[],
        run: |ws| package::twice(ws),
    },
];

/// The stages that are named, or all.
pub fn run(ws: &Workspace, wanted: &[String]) -> Result<u8> {
    stages::run("proof", STAGES, wanted, ws)
}

/// One line for each stage.
pub fn list() -> String {
    stages::list(STAGES)
}

fn args(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The exit code of a program as a result.
fn succeeded(code: Result<u8>) -> Result<()> {
    let code = code?;
    ensure!(code == 0, "the program ended with exit code {code}");
    Ok(())
}
