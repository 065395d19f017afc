//! An entry in custody, as the room of its kind gets it.

use protocol::{entry::Entry, evidence::TrustedTime, ids::StreamId, photo::Sha256, time::Millis};

/// An entry in custody, as the room of its kind gets it.
#[derive(Debug, Clone)]
pub struct Taken {
    pub entry: Entry,
    pub sha256: Sha256,
    pub stream: StreamId,
    pub received: Millis,
    /// When it was made, as the server judges it.
    pub made: TrustedTime,
}
