//! Mailboxes: compacted feeds that handsets pull (the sync contract's "Pull").
//!
//! A mailbox has at most one row per (kind, entity). Every change gives the row a new number, taken from the mailbox's
//! own row inside the writing transaction, so that commit order equals number order on both engines. Rooms write rows
//! through [`crate::app::mailbox`].
//!
//! * `cursor`, `pull`: reading by handsets. `events`: hints to pull; correctness never depends on them.
//! * `routes`: the operations.

mod cursor;
mod events;
mod pull;
pub(crate) mod routes;
