//! What a running server is made of, and what every write brings along.
//!
//! * [`state`]: [`App`], the shared parts; how domain code runs its writes and reads.
//! * [`ctx`]: time, ids, mail and changes of one write. [`mailbox`]: mail that a write leaves. [`changes`]: what a
//!   room says happened, for rooms above it. [`audit`]: the work log.
//! * [`identity`]: epoch and keys of this deployment. [`meta`]: the table they are in. [`address`]: how handsets reach it.
//! * [`objects`], [`object_name`], [`s3`]: photo and file storage. [`grid_packs`]: grids in force. [`rate`]: requests per minute.
//! * [`lease`]: the right to do a background job.

pub mod address;
pub mod audit;
pub mod changes;
pub mod ctx;
pub mod grid_packs;
pub mod identity;
pub mod lease;
pub mod mailbox;
pub mod meta;
pub mod object_name;
pub mod objects;
pub mod rate;
pub mod s3;
pub mod state;

pub use state::{App, Parts};
