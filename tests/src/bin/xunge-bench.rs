//! `cargo xtask bench ingest | photos | wire | handset | listeners | growth | peers`. See [`e2e::bench`].

use anyhow::Result;
use clap::{Parser, Subcommand};
use e2e::bench::{Goals, growth, handset, handset_memory, ingest, listeners, peers, photos, replicas, wire};
use std::{path::PathBuf, process::ExitCode};

/// 与同一次运行中的下限相比 / against the floor of the same run
#[derive(Debug, Parser)]
struct BenchArgs {
    #[command(subcommand)]
    which: BenchKind,
    /// Exit with success even if a goal is missed
    #[arg(long, global = true)]
    report: bool,
    /// A folder on a real disk; default: a new folder in the current folder
    #[arg(long, global = true)]
    folder: Option<PathBuf>,
    #[arg(long, global = true, default_value_t = 5)]
    rounds: usize,
}

#[derive(Debug, Subcommand)]
enum BenchKind {
    /// Reports into custody
    Ingest {
        /// URL of a PostgreSQL with synchronous commit, to measure that engine too
        #[arg(long)]
        postgres: Option<String>,
        /// Number of check-ins within one minute; 0 leaves them out
        #[arg(long, default_value_t = 10_000)]
        checkins: usize,
    },
    /// Reports into custody by two replicas over one PostgreSQL
    Replicas {
        /// URL of a PostgreSQL with synchronous commit
        #[arg(long)]
        postgres: String,
        #[arg(long, default_value_t = 8)]
        clients: usize,
        /// Reports of each client in a round
        #[arg(long, default_value_t = 150)]
        requests: usize,
        /// Number of check-ins within one minute; 0 leaves them out
        #[arg(long, default_value_t = 10_000)]
        checkins: usize,
    },
    /// Photo uploads, and the server's memory use
    Photos,
    /// Handsets that only listen
    Listeners {
        #[arg(long, default_value_t = 10_000)]
        listeners: usize,
        /// Number of check-ins within one minute beside them; 0 leaves them out
        #[arg(long, default_value_t = 10_000)]
        checkins: usize,
    },
    /// The same questions to cities with 10^4, 10^5 and 10^6 cases
    Growth {
        /// URL of a PostgreSQL, to measure that engine instead of SQLite
        #[arg(long)]
        postgres: Option<String>,
        /// Cases of the largest city
        #[arg(long, default_value_t = 1_000_000)]
        most: usize,
        /// Requests of each kind to each city
        #[arg(long, default_value_t = 300)]
        requests: usize,
    },
    /// Reports beside PocketBase, photos beside tusd
    Peers {
        /// The program of tests/peers/pocketbase
        #[arg(long)]
        pocketbase: PathBuf,
        /// The program of tests/peers/tusd
        #[arg(long)]
        tusd: PathBuf,
        /// Only this part
        #[arg(long)]
        only: Option<peers::PeerSubject>,
    },
    /// Bytes on the wire
    Wire,
    /// Screens of a handset with up to 100,000 items, and the handset's memory
    Handset,
    /// One task of `handset` in a process of its own
    #[command(hide = true)]
    Memory {
        task: handset_memory::MemoryTask,
        home: PathBuf,
    },
}

fn main() -> Result<ExitCode> {
    let args = BenchArgs::parse();
    if let BenchKind::Memory { task, home } = &args.which {
        handset_memory::perform(*task, home)?;
        return Ok(ExitCode::SUCCESS);
    }
    let within = args.folder.unwrap_or(std::env::current_dir()?);
    std::fs::create_dir_all(&within)?;
    let scratch = tempfile::Builder::new()
        .prefix("xunge-bench-")
        .tempdir_in(&within)?;
    let folder = scratch.path().canonicalize()?;
    ingest::refuse_memory(&folder)?;
    let (rounds, goals) = (args.rounds.max(1), Goals::default());
    match args.which {
        BenchKind::Ingest { postgres, checkins } => {
            let plan = ingest::IngestPlan {
                folder,
                postgres,
                rounds,
                checkins,
            };
            ingest::run(&plan, &goals)?;
        }
        BenchKind::Replicas {
            postgres,
            clients,
            requests,
            checkins,
        } => {
            let plan = replicas::ReplicasPlan {
                folder,
                postgres,
                rounds,
                clients: clients.max(1),
                requests: requests.max(1),
                checkins,
            };
            replicas::run(&plan, &goals)?;
        }
        BenchKind::Photos => photos::run(&photos::PhotosPlan { folder, rounds }, &goals)?,
        BenchKind::Listeners { listeners, checkins } => {
            let plan = listeners::ListenersPlan {
                folder,
                rounds,
                listeners,
                checkins,
            };
            listeners::run(&plan, &goals)?;
        }
        BenchKind::Growth {
            postgres,
            most,
            requests,
        } => {
            let plan = growth::GrowthPlan {
                folder,
                postgres,
                most,
                requests,
            };
            growth::run(&plan, &goals)?;
        }
        BenchKind::Peers {
            pocketbase,
            tusd,
            only,
        } => {
            let plan = peers::PeersPlan {
                folder,
                rounds,
                pocketbase: pocketbase.canonicalize()?,
                tusd: tusd.canonicalize()?,
                only,
            };
            peers::run(&plan, &goals)?;
        }
        BenchKind::Wire => wire::run(&wire::WirePlan { folder }, &goals)?,
        BenchKind::Handset => handset::run(&handset::HandsetPlan { folder, rounds }, &goals)?,
        BenchKind::Memory { .. } => {}
    }
    Ok(if goals.all_held() || args.report {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
