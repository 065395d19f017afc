//! How much is sent or fetched at once.

/// Entries in one push when all goes well.
const MOST: usize = 100;

/// Bytes of entries in one push: small enough to pass a bad network within the time limit.
const MOST_BYTES: usize = 256 * 1024;

/// The same for the first push: a bad network shows itself early.
const FIRST_BYTES: usize = 64 * 1024;

/// How much goes at once: halved by 413, cuts and refusals (to find the one at fault), doubled by success.
pub(super) struct PushLimits {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

impl PushLimits {
    pub(super) fn halve(&mut self, sent: usize) {
        self.entries = (sent / 2).max(1);
        self.bytes = (self.bytes / 2).max(1);
    }
    pub(super) fn grow(&mut self) {
        self.entries = (self.entries * 2).min(MOST);
        self.bytes = (self.bytes * 2).min(MOST_BYTES);
    }
}

impl Default for PushLimits {
    fn default() -> Self {
        Self {
            entries: MOST,
            bytes: FIRST_BYTES,
        }
    }
}

/// Bytes of the first part; doubled by success up to [`MOST`], halved by failures down to [`LEAST`].
pub(super) const FIRST_CHUNK: u64 = 256 * 1024;
