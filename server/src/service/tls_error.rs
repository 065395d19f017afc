//! Why there is no certificate for the listener.

use crate::{app::secrets::KeyError, store::error::StoreError};

/// Why there is no certificate for the listener.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path}: {error}")]
    File { path: String, error: std::io::Error },
    #[error("{path}: {error}")]
    Pem {
        path: String,
        error: rustls::pki_types::pem::Error,
    },
    #[error("making a certificate: {0}")]
    Make(#[from] rcgen::Error),
    #[error("{0}")]
    Rustls(#[from] rustls::Error),
    #[error("{0} holds no certificate")]
    Empty(String),
    /// A certificate without its key, or the reverse. Neither is replaced: the other half may be in a backup.
    #[error(
        "{present} is there and {missing} is missing: restore {missing}, or remove {present} to get a new certificate"
    )]
    Half { present: String, missing: String },
    /// The deployment uses certificates that others made.
    #[error(
        "本服务器没有自制证书；自备证书请按指南更换 / this server made no certificate itself; the guide says how to rotate given ones"
    )]
    NotOwn,
    #[error("{0}")]
    Key(String),
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl From<KeyError> for TlsError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => Self::Store(error),
            error => Self::Key(error.to_string()),
        }
    }
}
