//! `cargo xtask judges`: see [`e2e::judges`].

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// 外部评判 / judges that nobody here wrote
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    judge: Judge,
}

#[derive(Debug, Subcommand)]
enum Judge {
    /// Attachments by tus-js-client and tuspy over a line that breaks
    Tus {
        #[arg(long)]
        node: PathBuf,
        /// A Python that has tuspy
        #[arg(long)]
        python: PathBuf,
    },
    /// schemathesis over the served description
    Api {
        #[arg(long)]
        schemathesis: PathBuf,
        /// Examples of each operation
        #[arg(long, default_value_t = 15)]
        examples: u32,
        /// For schemathesis itself
        #[arg(last = true)]
        more: Vec<String>,
    },
}

fn main() -> Result<()> {
    match Args::parse().judge {
        Judge::Tus { node, python } => e2e::judges::tus::run(&node, &python),
        Judge::Api {
            schemathesis,
            examples,
            more,
        } => e2e::judges::api::run(&schemathesis, examples, &more),
    }
}
