//! Ids and secrets of one write, derived from one seed.

/// A generator of ids and secrets. The same seed gives the same sequence.
#[derive(Debug, Clone)]
pub struct Ids {
    seed: [u8; 32],
    count: u64,
}

impl Ids {
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, count: 0 }
    }
    /// The next 32 bytes. They cannot be computed from earlier ones without the seed.
    pub fn bytes(&mut self) -> [u8; 32] {
        use sha2::{Digest, Sha256};
        self.count += 1;
        Sha256::new()
            .chain_update(self.seed)
            .chain_update(self.count.to_le_bytes())
            .finalize()
            .into()
    }
    pub(crate) fn ten(&mut self) -> [u8; 10] {
        let mut ten = [0; 10];
        for (slot, byte) in ten.iter_mut().zip(self.bytes()) {
            *slot = byte;
        }
        ten
    }
}
