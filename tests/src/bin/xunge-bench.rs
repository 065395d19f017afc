//! `cargo xtask bench ingest | photos | wire`. See [`e2e::bench`].

use anyhow::Result;
use clap::{Parser, Subcommand};
use e2e::bench::{Verdicts, ingest, photos, wire};
use std::{path::PathBuf, process::ExitCode};

/// 与同一次运行中的下限相比 / against the floor of the same run
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    which: Which,
    /// Success even when a goal is missed
    #[arg(long, global = true)]
    report: bool,
    /// A folder on a real disk; a fresh one in the current folder when absent
    #[arg(long, global = true)]
    folder: Option<PathBuf>,
    #[arg(long, global = true, default_value_t = 5)]
    rounds: usize,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// Reports into custody
    Ingest {
        /// A PostgreSQL that waits for the disk, to measure that engine too
        #[arg(long)]
        postgres: Option<String>,
        /// Check-ins in one minute; 0 leaves them out
        #[arg(long, default_value_t = 10_000)]
        checkins: usize,
    },
    /// Photos, and the server's memory
    Photos,
    /// Bytes on the line
    Wire,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let within = args.folder.unwrap_or(std::env::current_dir()?);
    std::fs::create_dir_all(&within)?;
    let scratch = tempfile::Builder::new()
        .prefix("xunge-bench-")
        .tempdir_in(&within)?;
    let folder = scratch.path().canonicalize()?;
    ingest::refuse_memory(&folder)?;
    let (rounds, verdicts) = (args.rounds.max(1), Verdicts::default());
    match args.which {
        Which::Ingest { postgres, checkins } => {
            let plan = ingest::Plan {
                folder,
                postgres,
                rounds,
                checkins,
            };
            ingest::run(&plan, &verdicts)?;
        }
        Which::Photos => photos::run(&photos::Plan { folder, rounds }, &verdicts)?,
        Which::Wire => wire::run(&wire::Plan { folder }, &verdicts)?,
    }
    Ok(if verdicts.all_held() || args.report {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
