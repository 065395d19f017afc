//! Mailboxes: compacted feeds that handsets pull (the sync contract's "Pull").
//!
//! At most one row per (kind, entity); every change moves it to a new number, which comes from the mailbox's
//! own row inside the writing transaction, so that commit order equals number order on any engine. A write leaves
//! its mail through [`crate::app::mailbox`].
//!
//! * `cursor`, `pull`: how handsets read it. `events`: hints that something is there; correctness never depends
//!   on them. `routes`: the operations.

mod cursor;
mod events;
mod pull;
pub(crate) mod routes;
