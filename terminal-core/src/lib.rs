//! Everything a handset (终端) does without a screen: store, outbox, sync, photos, check-in, tasks.
//!
//! Law 1 rules here: a row leaves the state `waiting` only on the server's receipt for exactly its bytes.
//! All calls block and may be made from any thread; nothing here needs an async runtime. Clock, randomness,
//! keys and connectivity come through [`platform`]; the network through [`transport`].
//!
//! - [`store`]: one encrypted database per account: outbox, photos, mailboxes, reference files, drafts.
//! - [`sync`]: a state machine without I/O that says what to do next; [`transport`] does it.
//! - [`enrol`]: from an invitation string to an enrolled store.

pub mod error;
pub mod platform;
pub mod store;
pub mod vault;

pub use error::{Error, Result};
