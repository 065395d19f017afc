//! `cargo xtask judges`: see [`e2e::judges`].

use anyhow::Result;
use clap::{Parser, Subcommand};
use e2e::judges::attack::AttackPlan;
use std::path::PathBuf;

/// 外部评判 / checks with clients that other projects wrote
#[derive(Debug, Parser)]
struct JudgesArgs {
    #[command(subcommand)]
    judge: ExternalCheck,
}

#[derive(Debug, Subcommand)]
enum ExternalCheck {
    /// Attachments with tus-js-client and tuspy over a line that is cut
    Tus {
        #[arg(long)]
        node: PathBuf,
        /// A Python that has tuspy installed
        #[arg(long)]
        python: PathBuf,
    },
    /// schemathesis over the served OpenAPI description
    Api {
        #[arg(long)]
        schemathesis: PathBuf,
        /// Number of examples for each operation
        #[arg(long, default_value_t = 15)]
        examples: u32,
        /// Further arguments for schemathesis
        #[arg(last = true)]
        more: Vec<String>,
    },
    /// Attackers, while honest users work: memory and times of a server
    Attack {
        /// The server; without it the one beside this program
        #[arg(long)]
        server: Option<PathBuf>,
        /// The server is a debug build: more time for each honest act, the same memory
        #[arg(long)]
        debug: bool,
        /// Seconds of each attack
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// Only this attack
        #[arg(long)]
        only: Option<String>,
    },
}

fn main() -> Result<()> {
    match JudgesArgs::parse().judge {
        ExternalCheck::Tus { node, python } => e2e::judges::tus::run(&node, &python),
        ExternalCheck::Api {
            schemathesis,
            examples,
            more,
        } => e2e::judges::api::run(&schemathesis, examples, &more),
        ExternalCheck::Attack {
            server,
            debug,
            seconds,
            only,
        } => e2e::judges::attack::run(&AttackPlan {
            server,
            is_debug: debug,
            seconds,
            only,
        }),
    }
}
