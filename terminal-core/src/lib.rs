//! Everything a handset (终端) does without a screen: store, outbox, sync, photos, check-in, tasks.
//!
//! Law 1 rules here: a row leaves the state `waiting` only on the server's receipt for exactly its bytes.
//! All calls block and may be made from any thread; nothing here needs an async runtime. Clock, randomness,
//! keys and connectivity come through [`platform`]; the network through [`transport`].
//!
//! - [`store`]: one encrypted database per account: outbox, photos, mailboxes, reference files, drafts.
//! - [`sync`]: a state machine without I/O that says what to do next; [`transport`] does it.
//! - [`manners`]: what may travel now and when to speak at all: data plan, battery, the worker's wish.
//! - [`terminal`]: the handset as its worker uses it, with [`report`], [`activity`], [`tasks`], [`queue`],
//!   [`photos`], [`place`] and [`words`]; [`cli`] is the same on the command line.
//! - [`enrol`]: from an invitation string to an enrolled store.

pub mod activity;
pub mod cli;
pub mod disk;
pub mod enrol;
pub mod error;
pub mod homes;
mod keeping;
pub mod manners;
pub mod matters;
pub mod parcel;
pub mod photos;
pub mod place;
pub mod platform;
pub mod presence;
pub mod queue;
pub mod report;
pub mod salvage;
pub mod store;
pub mod sync;
pub mod syncing;
pub mod tasks;
pub mod terminal;
pub mod transport;
mod unsettled;
pub mod vault;
pub mod wipe;
pub mod words;

pub use error::{Error, Result};
