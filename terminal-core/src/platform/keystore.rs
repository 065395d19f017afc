//! Access to keys.

use crate::Result;
use protocol::{ids::StreamId, sign::Signer};
use std::sync::Arc;

/// Access to keys: the platform's keystore on phones, [`crate::platform::file_keystore::FileKeystore`] on the
/// command line.
pub trait Keystore: Send + Sync {
    /// The raw key of the account's database.
    fn database_key(&self) -> Result<[u8; 32]>;
    /// The key that seals photos on disk.
    fn photo_key(&self) -> Result<[u8; 32]>;
    /// The signing key of this stream; always the same key for the same stream.
    fn signer(&self, stream: StreamId) -> Result<Arc<dyn Signer>>;
    /// Destroys all keys permanently, after everything was handed over. Keystores without persistent keys
    /// need not implement it.
    fn forget(&self) -> Result<()> {
        Ok(())
    }
}
