//! A host's interface to SQLite: one registered `sqlite3_vfs` per host.
//!
//! The safety comments in this module rely on these promises of SQLite: it calls a VFS only with the pointer that was
//! registered, a file only between its xOpen and its xClose, and one file by one thread at a time (a connection is
//! never used by two at once).

mod file;
mod handle;
pub(crate) mod inner;
pub(crate) mod registered;
mod shm;
