//! `cargo xtask judges`: see [`e2e::judges`].

use anyhow::Result;
use clap::{Parser, Subcommand};
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
}

fn main() -> Result<()> {
    match JudgesArgs::parse().judge {
        ExternalCheck::Tus { node, python } => e2e::judges::tus::run(&node, &python),
        ExternalCheck::Api {
            schemathesis,
            examples,
            more,
        } => e2e::judges::api::run(&schemathesis, examples, &more),
    }
}
