//! Where the data of a deployment is, for all subcommands that open it.

use crate::{
    app::s3::S3,
    service::{run::ServerOptions, seal_source::SealSource},
};
use anyhow::{Context as _, Result};
use clap::Args;
use std::{net::SocketAddr, path::PathBuf};

/// The environment variable with the key that seals the server's keys.
const SEAL_KEY: &str = "XUNGE_SEAL_KEY";

/// Where the data is.
#[derive(Debug, Args)]
pub(super) struct DataLocation {
    /// Folder for the embedded database, objects and certificate
    #[arg(long, env = "XUNGE_DATA")]
    pub(super) data: PathBuf,
    /// postgres://… instead of the embedded database. Off this machine it is TLS with a verified name: `sslrootcert=FILE` names
    /// the authority, `sslmode=disable` does without
    #[arg(long, env = "XUNGE_DATABASE")]
    pub(super) database: Option<String>,
    #[command(flatten)]
    pub(super) s3: S3,
    /// File with the key that seals the server's keys; FOLDER.seal-key beside the data folder when absent. XUNGE_SEAL_KEY gives
    /// the key itself
    #[arg(long, env = "XUNGE_SEAL_KEY_FILE")]
    pub(super) seal_key_file: Option<PathBuf>,
    /// Command that prints the key (a hook for a key management service)
    #[arg(long, env = "XUNGE_SEAL_KEY_COMMAND", conflicts_with = "seal_key_file")]
    pub(super) seal_key_command: Option<String>,
}

impl DataLocation {
    /// # Errors
    /// A key for sealing in the environment that is none.
    pub(super) fn options(&self) -> Result<ServerOptions> {
        Ok(ServerOptions {
            database: self.database.clone(),
            s3: self.s3.clone(),
            seal: self.seal()?,
            ..ServerOptions::new(&self.data, SocketAddr::from(([127, 0, 0, 1], 0)))
        })
    }

    /// A key in the environment comes first; the command line, which every user of the machine can read, takes none.
    fn seal(&self) -> Result<SealSource> {
        if let Ok(text) = std::env::var(SEAL_KEY) {
            return Ok(SealSource::Key(text.parse().context(SEAL_KEY)?));
        }
        Ok(match (&self.seal_key_command, &self.seal_key_file) {
            (Some(command), _) => SealSource::Command(command.clone()),
            (None, Some(file)) => SealSource::File(file.clone()),
            (None, None) => SealSource::beside(&self.data),
        })
    }
}
