//! Where the keys are kept.

use crate::Result;
use protocol::{ids::StreamId, sign::Signer};
use std::sync::Arc;

/// Where the keys are. On phones the platform's keystore, for the command line [`crate::platform::file_keystore::FileVault`].
pub trait Keystore: Send + Sync {
    /// The raw key of the account's database.
    fn database_key(&self) -> Result<[u8; 32]>;
    /// The key that photos on disk are sealed with.
    fn photo_key(&self) -> Result<[u8; 32]>;
    /// The signing key of this stream; the same stream gets the same key for ever.
    fn signer(&self, stream: StreamId) -> Result<Arc<dyn Signer>>;
    /// Destroys all of it, for good: the handset's data has been handed over. Keys that lie nowhere end with the
    /// process.
    fn forget(&self) -> Result<()> {
        Ok(())
    }
}
