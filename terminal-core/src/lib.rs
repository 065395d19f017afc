//! The core of a handset (终端) without a screen: outbox, sync, photos, check-in, tasks.
//!
//! Law 1: an item leaves the custody `waiting` only on the server's receipt for exactly its bytes. All calls block
//! and may be made from any thread; no async runtime is needed. Clocks, randomness, keys, disk and connectivity come
//! through [`platform`]; the network comes through [`transport`].
//!
//! The rooms, bottom up; a room imports only rooms above it in this list:
//! - [`error`]: errors with stable codes and words for the worker.
//! - [`transport`], [`platform`], [`grid`]: network, operating system, place lookup.
//! - [`photos`]: photos taken in, stamped, sealed, durable.
//! - [`words`]: every word in Chinese and English.
//! - [`store`]: one encrypted database per account.
//! - [`sync`]: the state machine without I/O, its driver, and what may be sent now.
//! - [`terminal`]: the handle of one enrolled account.
//! - [`lifecycle`]: open, enrol, several users, salvage, export, wipe.
//! - [`work`]: what the worker does: reports, activities, tasks, check-in, the queue.
//! - [`live`]: sync once or by itself.
//! - `cli` (feature `cli`): the same on the command line.

#[cfg(feature = "cli")]
pub mod cli;
pub mod error;
pub mod grid;
pub mod lifecycle;
pub mod live;
pub mod photos;
pub mod platform;
pub mod store;
pub mod sync;
pub mod terminal;
pub mod transport;
pub mod words;
pub mod work;

pub use error::{Error, Result};
/// The types of the signatures here. A facade links this crate only.
pub use protocol;
