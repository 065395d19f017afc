//! Where the data of a deployment is, for all subcommands that open it.

use crate::{app::s3::S3, service::run::ServerOptions};
use clap::Args;
use std::{net::SocketAddr, path::PathBuf};

/// Where the data is.
#[derive(Debug, Args)]
pub(super) struct DataLocation {
    /// Folder for the embedded database, objects and certificate
    #[arg(long, env = "XUNGE_DATA")]
    pub(super) data: PathBuf,
    /// postgres://… instead of the embedded database
    #[arg(long, env = "XUNGE_DATABASE")]
    pub(super) database: Option<String>,
    #[command(flatten)]
    pub(super) s3: S3,
}

impl DataLocation {
    pub(super) fn options(&self) -> ServerOptions {
        ServerOptions {
            database: self.database.clone(),
            s3: self.s3.clone(),
            ..ServerOptions::new(&self.data, SocketAddr::from(([127, 0, 0, 1], 0)))
        }
    }
}
