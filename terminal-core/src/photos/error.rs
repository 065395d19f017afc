//! Why a photo was not taken in or cannot be read.

use crate::photos::sealed::SealedError;
use protocol::{
    photo::Sha256,
    problem::{ErrorCode, HandsetCode},
};
use std::{io, path::PathBuf};

/// Why a photo was not taken in or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// The photo itself was refused.
    #[error(transparent)]
    Refused(#[from] media::MediaError),
    /// The source file could not be read.
    #[error("cannot read {path}: {source}")]
    Source { path: PathBuf, source: io::Error },
    /// No such photo on this handset.
    #[error("photo {0} is not on this handset")]
    Missing(Sha256),
    /// The sealed file was changed, cut off or belongs to another handset.
    #[error("the file of photo {photo} is damaged: {source}")]
    Damaged { photo: Sha256, source: SealedError },
    /// The disk is full; the photo was not kept, nothing else was lost.
    #[error("the disk is full")]
    DiskFull,
    /// The photo folder cannot be read or written.
    #[error("photo folder: {0}")]
    Folder(io::Error),
    /// The system provided no randomness for sealing.
    #[error("the system gives no randomness")]
    NoRandomness,
}

impl PhotoError {
    /// The stable dotted code.
    pub fn code(&self) -> ErrorCode {
        let code = match self {
            Self::Refused(error) => return ErrorCode::parse(error.code()),
            Self::Source { .. } => HandsetCode::PhotoUnreadable,
            Self::Missing(_) => HandsetCode::PhotoMissing,
            Self::Damaged { .. } => HandsetCode::PhotoDamaged,
            Self::DiskFull => HandsetCode::PhotoDiskFull,
            Self::Folder(_) => HandsetCode::PhotoFolder,
            Self::NoRandomness => HandsetCode::PhotoNoRandomness,
        };
        code.into()
    }
    pub(super) fn disk(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Folder(error),
        }
    }
    pub(super) fn sealed(photo: Sha256, error: SealedError) -> Self {
        match error {
            SealedError::Io(error) if error.kind() == io::ErrorKind::NotFound => Self::Missing(photo),
            SealedError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => Self::disk(error),
            source => Self::Damaged { photo, source },
        }
    }
}
