//! How much is sent or fetched at once.

/// Largest number of entries in one push.
const MOST: usize = 100;

/// Largest size in bytes of entries in one push; passes a bad network within the time limit.
const MOST_BYTES: usize = 256 * 1024;

/// Size in bytes of the first push, so that a bad network is noticed early.
const FIRST_BYTES: usize = 64 * 1024;

/// Limits of one push: halved after 413, lost connections and refusals (to isolate the faulty entry), doubled
/// after success.
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

/// Size in bytes of the first part of a file; doubled after success, halved after failure.
pub(super) const FIRST_CHUNK: u64 = 256 * 1024;
