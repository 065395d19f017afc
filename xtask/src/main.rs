//! Every developer task of the project as one small program: `cargo xtask TASK`.
//!
//! It links none of our other crates (`xtask -> none`), so that it builds in seconds on a bare machine and can
//! judge a tree that does not compile. A check that cannot run fails; none passes quietly.

mod arrows;
mod bench;
mod demo;
mod files;
mod fuzz;
mod judges;
mod lint;
mod needs;
mod openapi;
mod pg;
mod setup;
mod shell;
mod simulate;
mod stages;
mod suite;
mod tools;
mod torture;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// The tasks of a developer of Xunge (巡格).
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what is missing on Debian, or say exactly what is missing elsewhere
    Setup,
    /// Fail when a crate links what the house does not allow it to link
    Arrows,
    /// Formatting, clippy, arrows, spelling, licences, file lengths
    Lint,
    /// Everything that must hold before a change is merged
    Test {
        /// Only formatting, arrows and the tests themselves
        #[arg(long)]
        quick: bool,
    },
    /// `test` as the build machine runs it: the lock must be up to date and the database our own
    Ci,
    /// Build the demo city and run it; what follows is passed to it (`--once` runs it bounded and checks it)
    Demo {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure a promise against a peer in the same run
    Bench {
        #[command(subcommand)]
        which: Bench,
    },
    /// Kill real servers and handsets, cut their power, fill their disks: `--minutes M` for each engine, `--seed S`,
    /// `--engine sqlite|postgres`; disks fill up for root only
    Torture {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Let strangers judge a real server: tus-js-client, tuspy, schemathesis
    Judges,
    /// Throw chance at every decoder that meets bytes from outside (nightly Rust, libFuzzer)
    Fuzz {
        /// All targets together, this long
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// Only this one
        target: Option<String>,
    },
    /// Live days of bad luck in bulk: `--days N`, `--seeds A..B`, `--seed S`, `--minutes M`, `--sabotage`
    Simulate {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Write server/openapi.json from the routes
    Openapi {
        /// Compare instead of writing; fail on a difference
        #[arg(long)]
        check: bool,
    },
    /// A private PostgreSQL cluster by hand, for looking into a failing test
    Pg {
        #[command(subcommand)]
        action: Pg,
    },
}

#[derive(Subcommand)]
enum Bench {
    /// Point to cell: grid pack against geo + rstar
    Lookup {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Reports into custody on both engines, against the same statements run raw; 10,000 check-ins in a minute
    Ingest {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Photos onto the disk, against raw files; the server's memory under 200 terminals
    Photos {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Bytes of a report on the line
    Wire {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

#[derive(Subcommand)]
enum Pg {
    /// Create the cluster in DIR and start it on 127.0.0.1:PORT (user xunge, no password)
    Start { dir: PathBuf, port: u16 },
    /// Stop the cluster in DIR and remove it
    Stop {
        dir: PathBuf,
        /// Accepted so that `stop` can be typed by editing the `start` line; not needed
        port: Option<u16>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<ExitCode> {
    let ws = Workspace::find()?;
    match task {
        Task::Setup => setup::all(&ws)?,
        Task::Arrows => arrows::run(&ws)?,
        Task::Lint => return lint::run(&ws),
        Task::Test { quick } => {
            return suite::run(
                &ws,
                suite::Mode {
                    quick,
                    ci: suite::asked_for_ci(),
                },
            );
        }
        Task::Ci => {
            return suite::run(
                &ws,
                suite::Mode {
                    quick: false,
                    ci: true,
                },
            );
        }
        Task::Demo { args } => return demo::run(&ws, &args),
        Task::Bench { which } => {
            return match which {
                Bench::Lookup { args } => bench::lookup(&ws, &args),
                Bench::Ingest { args } => bench::server(&ws, "ingest", &args),
                Bench::Photos { args } => bench::server(&ws, "photos", &args),
                Bench::Wire { args } => bench::server(&ws, "wire", &args),
            };
        }
        Task::Torture { args } => return torture::run(&ws, &args),
        Task::Judges => return judges::run(&ws),
        Task::Fuzz { minutes, target } => fuzz::longer(&ws, minutes, target.as_deref())?,
        Task::Simulate { args } => return simulate::run(&ws, &args),
        Task::Openapi { check } => openapi::run(&ws, check)?,
        Task::Pg {
            action: Pg::Start { dir, port },
        } => pg::start_by_hand(&dir, port)?,
        Task::Pg {
            action: Pg::Stop { dir, port: _ },
        } => pg::stop_by_hand(&dir)?,
    }
    Ok(ExitCode::SUCCESS)
}
