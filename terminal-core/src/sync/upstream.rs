//! The photo upload under way in a run.

use crate::store::uploads::PhotoUpload;

/// Bytes of the first part of a run: a bad network shows itself early. Doubled by success, halved by failure.
const FIRST: u64 = 64 * 1024;

pub(super) const MOST: u64 = 1024 * 1024;

pub(super) const LEAST: u64 = 16 * 1024;

/// The upload under way in this run.
pub(super) struct PhotoUploads {
    pub(super) active: Option<ActiveUpload>,
    pub(super) chunk: u64,
    /// Uploads lost or out of step in this run.
    pub(super) stumbles: u32,
}

pub(super) struct ActiveUpload {
    pub(super) upload: PhotoUpload,
    pub(super) url: String,
    pub(super) offset: u64,
    /// Bytes at `offset`, read and not sent yet.
    pub(super) part: Option<Vec<u8>>,
    /// All bytes are there, but no receipt came with the last: the server was asked once more.
    pub(super) asked_again: bool,
}

impl PhotoUploads {
    pub(super) fn chunk(&self) -> u64 {
        self.chunk
    }
    /// As it went in an earlier run, but never more than [`FIRST`]: the network may be another one by now.
    pub(super) fn set_chunk(&mut self, chunk: u64) {
        self.chunk = chunk.clamp(LEAST, FIRST);
    }
}

impl Default for PhotoUploads {
    fn default() -> Self {
        Self {
            active: None,
            chunk: FIRST,
            stumbles: 0,
        }
    }
}
