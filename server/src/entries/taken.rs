//! An entry in custody as passed to the room of its kind.

use protocol::{entry::Entry, evidence::TrustedTime, ids::StreamId, photo::Sha256, time::Millis};

/// An entry in custody as passed to the room of its kind.
#[derive(Debug, Clone)]
pub struct Taken {
    pub entry: Entry,
    pub sha256: Sha256,
    pub stream: StreamId,
    pub received: Millis,
    /// When it was made, with the uncertainty that the server computed.
    pub made: TrustedTime,
}
