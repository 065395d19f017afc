//! Every developer task of the project in one small program: `cargo xtask TASK`.
//!
//! It links none of our other crates, so it builds in seconds on a bare machine and can check a tree that does not
//! compile. A check that cannot run fails.

mod advisories;
mod android;
mod arrows;
mod bench;
mod clock;
mod demo;
mod files;
mod fuzz;
mod gate;
mod judges;
mod lint;
mod matrix;
mod needs;
mod openapi;
mod package;
mod pg;
mod phone;
mod programs;
mod proof;
mod rules;
mod select;
mod setup;
mod shell;
mod simulate;
mod space;
mod stages;
mod symbols;
mod tokens;
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
    /// Check who depends on whom: crates, rooms, files, tables
    Arrows,
    /// Check formatting, arrows, file lengths, spelling, licences, advisories, clippy
    Lint,
    /// The gate: everything that must hold before a change is merged, or the named stages of it
    Test {
        /// Only the checks of seconds and the tests themselves
        #[arg(long, conflicts_with = "stages")]
        quick: bool,
        /// Print the stages and end
        #[arg(long)]
        list: bool,
        stages: Vec<String>,
    },
    /// `test` as the build machine runs it: the lock must be up to date, and the database is our own
    Ci,
    /// What takes longer than the gate may, or the named stages of it; run it before a capability is called done
    Proof {
        /// Print the stages and end
        #[arg(long)]
        list: bool,
        stages: Vec<String>,
    },
    /// Build the core as a phone loads it, and write its Kotlin and Swift code into target/bindings
    Bindings,
    /// Print the ten largest parts of the library that a phone loads; fail if it is too large
    Size,
    /// Check that no program that was built for users holds test code
    Symbols,
    /// Build the release artefacts into dist/, with licences, SBOM and SHA-256 sums
    Package {
        /// Build twice in the same place and compare the bytes
        #[arg(long)]
        twice: bool,
    },
    /// Build the demo city and run it; further arguments are passed to it (`--once` runs it bounded and checks it)
    Demo {
        /// Let a new patroller walk through it with this app, and end it then: `--handset android`
        #[arg(long, value_enum)]
        handset: Option<App>,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure a promise against a peer in the same run
    Bench {
        #[command(subcommand)]
        which: Bench,
    },
    /// Kill real servers and handsets, cut their power, fill their disks: `--minutes M` for each engine, `--seed S`,
    /// `--engine sqlite|postgres`; disks get full for root only
    Torture {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run independent clients against a real server (tus-js-client, tuspy, schemathesis) and a short attack on a debug server
    Judges {
        #[command(subcommand)]
        judge: Option<Judge>,
    },
    /// Fuzz every decoder of outside bytes (nightly Rust, libFuzzer)
    Fuzz {
        /// Minutes for all targets together
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// Only this one
        target: Option<String>,
    },
    /// Simulate days with faults: `--days N`, `--minutes M`, `--seeds A..B`, `--jobs N`, `--summary FILE`; one day with
    /// its log: `--seed S`, `--seed S --flavour N` (a short day of a defect hunt) or `--plan FILE`, each also with
    /// `--defect NAME`; all deliberate defects, each of which must be caught: `--sabotage`, or `--sabotage --sample`
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
    /// Print each rule of docs/rules.md with its code, refusal codes and tests; fail for one without a test
    Rules { ids: Vec<String> },
    /// The Android app: its resources, its build, its tests
    Android {
        #[command(subcommand)]
        action: Android,
    },
    /// Pictures of every screen of an app, in every variant, on one page
    Gallery {
        #[command(subcommand)]
        app: Gallery,
    },
    /// A private PostgreSQL cluster for debugging a failing test
    Pg {
        #[command(subcommand)]
        action: Pg,
    },
}

/// An app for handsets.
#[derive(Clone, Copy, clap::ValueEnum)]
enum App {
    Android,
}

#[derive(Subcommand)]
enum Bench {
    /// Point to cell: grid pack against geo + rstar
    Lookup {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Reports into custody on both engines, against the same statements run raw; 10,000 check-ins in one minute
    Ingest {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// The same questions to cities with 10^4, 10^5 and 10^6 cases, on both engines
    Growth {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Photos to disk, against raw files; memory of the server under 200 terminals
    Photos {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// One photo on a handset: memory by its size, and processor time against libvips
    Photo {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Two replicas over one PostgreSQL against one of them: reports, runs repeated by conflicts, check-ins
    Replicas {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Handsets that only listen: intake beside them, hints, memory
    Listeners {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Reports beside PocketBase and photos beside tusd, which Go builds from tests/peers
    Peers {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Bytes of a report on the line
    Wire {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// The cryptography of the handset's database in Rust, against OpenSSL
    Cipher {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Start, queue and report of the Android app: CPU time and memory on the JVM, which stands in for a phone
    Android,
    /// Screens with up to 100,000 items, memory, and wake-ups of a handset; this machine stands in for a phone
    Handset {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

#[derive(Subcommand)]
enum Android {
    /// Write colours, sizes, icons and states from design/ into target/android
    Res,
    /// Compile the app against API 35 and API 26; arguments are passed to Maven
    Build {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Compile against API 26 and run the tests; arguments are passed to Maven
    Test {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

#[derive(Subcommand)]
enum Gallery {
    /// The Android app, drawn on the JVM
    Android {
        /// A folder of pictures to compare with: `h-SCREEN-360.png`
        #[arg(long)]
        beside: Option<PathBuf>,
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

#[derive(Subcommand)]
enum Judge {
    /// Attack a release server while honest users work; `--debug` takes a debug server, `--seconds N` and `--only NAME`
    Attack {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the exit code.
fn run(task: Task) -> anyhow::Result<u8> {
    let ws = Workspace::find()?;
    match task {
        Task::Setup => setup::all(&ws)?,
        Task::Arrows => arrows::run(&ws)?,
        Task::Lint => return gate::lint(&ws),
        Task::Test { list: true, .. } => print!("{}", gate::list()),
        Task::Test { quick, stages, .. } => return gate::test(&ws, quick, shell::asked_for_ci(), &stages),
        Task::Ci => return gate::test(&ws, false, true, &[]),
        Task::Proof { list: true, .. } => print!("{}", proof::list()),
        Task::Proof { stages, .. } => return proof::run(&ws, &stages),
        Task::Bindings => phone::bindings(&ws)?,
        Task::Size => phone::size(&ws)?,
        Task::Symbols => symbols::stage(&ws)?,
        Task::Package { twice: false } => package::once(&ws)?,
        Task::Package { twice: true } => package::twice(&ws)?,
        Task::Demo {
            handset: Some(App::Android),
            args,
        } => demo::with_android(&ws, &args)?,
        Task::Demo { handset: None, args } => return demo::run(&ws, &args),
        Task::Bench { which } => {
            return match which {
                Bench::Lookup { args } => bench::lookup(&ws, &args),
                Bench::Photo { args } => bench::photo(&ws, &args),
                Bench::Cipher { args } => bench::cipher(&ws, &args),
                Bench::Ingest { args } => bench::server(&ws, "ingest", &args),
                Bench::Growth { args } => bench::growth(&ws, &args),
                Bench::Replicas { args } => bench::server(&ws, "replicas", &args),
                Bench::Photos { args } => bench::server(&ws, "photos", &args),
                Bench::Listeners { args } => bench::server(&ws, "listeners", &args),
                Bench::Peers { args } => bench::peers(&ws, &args),
                Bench::Wire { args } => bench::server(&ws, "wire", &args),
                Bench::Handset { args } => bench::handset(&ws, &args),
                Bench::Android => android::figures(&ws).map(|()| 0),
            };
        }
        Task::Torture { args } => return torture::run(&ws, &args),
        Task::Judges { judge: None } => return gate::judges(&ws),
        Task::Judges {
            judge: Some(Judge::Attack { args }),
        } => return judges::attack(&ws, &args),
        Task::Fuzz { minutes, target } => fuzz::longer(&ws, minutes, target.as_deref())?,
        Task::Simulate { args } => return simulate::run(&ws, &args),
        Task::Rules { ids } => rules::run(&ws, &ids)?,
        Task::Openapi { check } => openapi::run(&ws, check)?,
        Task::Android { action } => {
            return match action {
                Android::Res => android::resources(&ws).map(|()| 0),
                Android::Build { args } => android::maven(&ws, android::Goal::Build, &args),
                Android::Test { args } => android::maven(&ws, android::Goal::Test, &args),
            };
        }
        Task::Gallery {
            app: Gallery::Android { beside },
        } => android::gallery(&ws, beside.as_deref())?,
        Task::Pg {
            action: Pg::Start { dir, port },
        } => pg::start_by_hand(&dir, port)?,
        Task::Pg {
            action: Pg::Stop { dir, port: _ },
        } => pg::stop_by_hand(&dir)?,
    }
    Ok(0)
}
