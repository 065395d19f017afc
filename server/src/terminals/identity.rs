//! Who this deployment is: its epoch, renewed by a restore, and its keys. All of it lies in the database, so
//! that every replica speaks with one voice.

use protocol::sign::SoftwareKey;
use std::sync::Arc;

/// Epoch and keys.
#[derive(Clone)]
pub struct Identity {
    pub epoch: String,
    /// Signs certificates and manifests.
    pub signer: Arc<SoftwareKey>,
    /// Authenticates challenges, so that they need no row.
    pub mac_key: [u8; 32],
    /// Public half of the parcel key, `x25519:BASE64`.
    pub parcel_key: String,
}
