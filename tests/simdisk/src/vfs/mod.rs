//! A host as SQLite sees it: one registered `sqlite3_vfs` per host.
//!
//! SQLite promises what the proofs below lean on: it calls a VFS only with the pointer that was registered, a file only
//! between its xOpen and its xClose, and one file by one thread at a time (a connection is never used by two at once).

mod file;
mod handle;
pub(crate) mod inner;
pub(crate) mod registered;
mod shm;
