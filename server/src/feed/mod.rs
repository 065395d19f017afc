//! Mailboxes: compacted feeds that handsets pull (the sync contract's "Pull").
//!
//! At most one row per (kind, entity); every change moves it to a new number, which comes from the mailbox's
//! own row inside the writing transaction, so that commit order equals number order on any engine.

mod outgoing;

pub use outgoing::{MailboxId, Outgoing};

/// The routes of this room.
pub fn routes(app: &crate::app::App) -> crate::http::operation::Operations {
    crate::http::operation::Operations::new(app)
}
