//! Actions that the state machine asks for, and their outcomes.

use crate::{
    platform::photo_files::PhotoFileError,
    store::{app_file::WantedApp, files::WantedFile, uploads::PhotoUpload},
    transport::{
        error::TransportError,
        request::{Request, Response},
    },
};
use protocol::{ids::EntryId, photo::Sha256, time::Millis};

/// The next action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextAction {
    /// Send this request, then apply [`StepOutcome::Answer`] or [`StepOutcome::Failed`].
    Send(Request),
    /// Read these plain bytes of a photo, then apply [`StepOutcome::Photo`].
    ReadPhoto {
        /// File name in the photo folder.
        file: String,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        len: u64,
    },
    /// Nothing to do before this wall-clock time; [`Sync::report`] says why. Asking earlier is harmless; ask
    /// after a change of the network and after a new entry.
    Wait(Millis),
    /// Nothing to do until something changes.
    Done,
}

/// The outcome of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// A complete response, whatever its status.
    Answer(Response),
    /// No response.
    Failed(TransportError),
    /// The bytes of a photo, or why they could not be read.
    Photo(Result<Vec<u8>, PhotoFileError>),
}

/// The request that was returned by the last action and whose outcome is pending.
#[derive(Debug)]
pub(super) enum PendingRequest {
    Challenge,
    Token,
    Push {
        body: Sha256,
        ids: Vec<(EntryId, u64, Sha256)>,
        /// Size in bytes of these entries.
        size: usize,
    },
    Create {
        upload: PhotoUpload,
        /// Bytes of the first part.
        sent: u64,
    },
    Head {
        upload: PhotoUpload,
        url: String,
    },
    Patch {
        upload: PhotoUpload,
        url: String,
        offset: u64,
        len: u64,
    },
    ReadPhoto {
        upload: PhotoUpload,
        url: Option<String>,
        offset: u64,
        len: u64,
    },
    Pull {
        cursor: String,
    },
    Manifest,
    File(WantedFile),
    App(WantedApp),
    Compare {
        sha256: Sha256,
        attempts: u32,
    },
    ParcelPhoto,
    Parcel(Sha256),
}
