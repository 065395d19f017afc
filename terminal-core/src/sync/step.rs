//! What the state machine asks for, and what came of it.

use crate::{
    platform::photo_files::PhotoFileError,
    store::{files::WantedFile, uploads::PhotoUpload},
    transport::{
        error::TransportError,
        request::{Request, Response},
    },
};
use protocol::{ids::EntryId, photo::Sha256, time::Millis};

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextAction {
    /// Send this and apply [`StepOutcome::Answer`] or [`StepOutcome::Failed`].
    Send(Request),
    /// Read these plain bytes of a photo and apply [`StepOutcome::Photo`].
    ReadPhoto {
        /// Name in the photo folder.
        file: String,
        /// First byte.
        offset: u64,
        /// How many.
        len: u64,
    },
    /// Nothing to do before this time of the wall clock; [`Sync::report`] says why. Asking earlier is
    /// harmless, asking after a change of the network or a new entry is right.
    Wait(Millis),
    /// Nothing to do until something new happens.
    Done,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// A whole answer, whatever its status.
    Answer(Response),
    /// No answer.
    Failed(TransportError),
    /// The bytes of a photo, or why not.
    Photo(Result<Vec<u8>, PhotoFileError>),
}

/// What was asked for and not answered yet.
#[derive(Debug)]
pub(super) enum PendingRequest {
    Challenge,
    Token,
    Push {
        body: Sha256,
        ids: Vec<(EntryId, u64, Sha256)>,
    },
    Create(PhotoUpload),
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
        url: String,
        offset: u64,
        len: u64,
    },
    Pull {
        cursor: String,
    },
    Manifest,
    File(WantedFile),
    Compare {
        sha256: Sha256,
        attempts: u32,
    },
    ParcelPhoto,
    Parcel(Sha256),
}
