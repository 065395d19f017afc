//! Randomness for keys and ids.

use crate::{Error, Result};

/// Cryptographically secure randomness.
pub trait Random: Send + Sync {
    /// Fills the buffer, or returns why it cannot.
    fn fill(&self, buffer: &mut [u8]) -> Result<()>;
}

/// Returns `N` random bytes.
pub fn random_bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        getrandom::fill(buffer).map_err(|error| Error::Keystore(format!("no randomness: {error}")))
    }
}
