//! The photo upload of a run.

use crate::store::uploads::PhotoUpload;

/// Bytes of the first part over a network of which nothing is known, so that a bad one is noticed early. Doubled after
/// success, halved after failure.
pub(super) const FIRST: u64 = 64 * 1024;

pub(super) const MOST: u64 = 1024 * 1024;

pub(super) const LEAST: u64 = 16 * 1024;

/// The upload in progress.
#[derive(Default)]
pub(super) struct PhotoUploads {
    pub(super) active: Option<ActiveUpload>,
    /// Uploads lost or inconsistent in this run.
    pub(super) stumbles: u32,
    /// The way to the server lets only GET and POST through.
    pub(super) only_post: bool,
}

pub(super) struct ActiveUpload {
    pub(super) upload: PhotoUpload,
    /// Its path; `None` for the first part, which travels with the creation.
    pub(super) url: Option<String>,
    pub(super) offset: u64,
    /// Bytes at `offset` that were read and not sent yet.
    pub(super) part: Option<Vec<u8>>,
    /// All bytes were sent without a receipt, and the server was asked once more.
    pub(super) asked_again: bool,
}

impl ActiveUpload {
    /// An upload that goes on at `offset`.
    pub(super) fn at(upload: PhotoUpload, url: Option<String>, offset: u64) -> Self {
        Self {
            upload,
            url,
            offset,
            part: None,
            asked_again: false,
        }
    }
}
