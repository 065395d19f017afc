//! Mailboxes: compacted feeds that handsets pull (the sync contract's "Pull").
//!
//! At most one row per (kind, entity); every change moves it to a new number, which comes from the mailbox's
//! own row inside the writing transaction, so that commit order equals number order on any engine.
//!
//! * [`Outgoing`]: how a write leaves mail. `cursor`, `pull`: how handsets read it.
//! * `events`: hints that something is there; correctness never depends on them.

mod cursor;
mod events;
mod pull;

use crate::http::operation::Operations;
use utoipa_axum::routes;

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .field(routes!(pull::pull))
        .field(routes!(events::events))
}
