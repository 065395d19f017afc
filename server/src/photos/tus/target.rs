//! What a request is going to do with an upload.

use super::{held::HeldPicture, parts::Part, upload::Upload, wire::Checksum};

/// The upload that receives a body, as it was when the request came, and the checksum that the body must have.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub upload: Upload,
    /// False while the upload has no row yet: an upload that arrives complete with its creation is one commit, not two.
    pub is_registered: bool,
    /// Whether the server holds the picture already, from another upload or a parcel.
    pub is_held: bool,
    /// The last part of the upload.
    pub last: Option<Part>,
    pub checksum: Option<Checksum>,
}

/// The upload after a body was received.
#[derive(Debug, Clone)]
pub(super) struct ReceivedBody {
    pub upload: Upload,
    /// Set if the upload was finished.
    pub held: Option<HeldPicture>,
}
