//! Errors of reading and of making a parcel.

use crate::sign::{KeystoreError, SignError};

/// The bytes are not a valid parcel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParcel {
    #[error("not a parcel of a known version")]
    Unknown,
    #[error("the parcel is truncated or too long")]
    Length,
    #[error("the parcel cannot be read: {0}")]
    Malformed(String),
    #[error("the parcel holds more than any handset puts into one")]
    TooMuch,
    #[error("the parcel does not open with this key, or was changed")]
    Sealed,
    #[error("{0}")]
    Signature(#[from] SignError),
}

/// The parcel could not be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotSealed {
    #[error("not a parcel key")]
    Key,
    #[error("{0}")]
    Contents(String),
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
}
