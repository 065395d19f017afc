//! Intake: custody of what handsets push, and what becomes of it.
//!
//! A receipt means custody and nothing more: every authenticated, well-framed entry is kept, whatever it
//! says. What becomes of it, its disposition, is decided by the room of its kind ([`apply`]) in the same
//! transaction when that works, and never at the price of custody.

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

/// The routes of this room.
pub fn routes(app: &crate::app::App) -> crate::http::operation::Operations {
    crate::http::operation::Operations::new(app)
}
