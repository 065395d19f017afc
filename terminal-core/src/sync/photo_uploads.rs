//! The photo upload of a run.

use crate::store::uploads::PhotoUpload;

/// Size in bytes of the first part of a run, so that a bad network is noticed early. Doubled after success,
/// halved after failure.
const FIRST: u64 = 64 * 1024;

pub(super) const MOST: u64 = 1024 * 1024;

pub(super) const LEAST: u64 = 16 * 1024;

/// The upload in progress.
pub(super) struct PhotoUploads {
    pub(super) active: Option<ActiveUpload>,
    pub(super) chunk: u64,
    /// Uploads lost or inconsistent in this run.
    pub(super) stumbles: u32,
    /// The way to the server lets only GET and POST through.
    pub(super) only_post: bool,
}

pub(super) struct ActiveUpload {
    pub(super) upload: PhotoUpload,
    pub(super) url: String,
    pub(super) offset: u64,
    /// Bytes at `offset` that were read and not sent yet.
    pub(super) part: Option<Vec<u8>>,
    /// All bytes were sent without a receipt, and the server was asked once more.
    pub(super) asked_again: bool,
}

impl PhotoUploads {
    pub(super) fn chunk(&self) -> u64 {
        self.chunk
    }
    /// Sets the size from an earlier run, at most [`FIRST`]: the network may have changed.
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
            only_post: false,
        }
    }
}
