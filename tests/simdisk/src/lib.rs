//! A disk that forgets: one [`Host`] is one machine whose disk loses what was not synced when its power is cut.
//!
//! SQLite sees it as a VFS of its own per host (so that each machine has its own clock and its own chance), everything
//! else as plain [`Files`]. Both share one folder tree, one count of operations, one quota and one power switch.
//!
//! | may be lost in a cut | until |
//! |---|---|
//! | bytes written, cut off or appended | that file is synced |
//! | a name made, renamed or removed | its folder is synced ([`Files::sync_dir`]; SQLite syncs the folder of a new journal or WAL) |
//!
//! What was not synced survives as [`Cut`] says: not at all, as a prefix with the last write torn, or sector by sector.
//! Names survive as a prefix, as on a file system with a journal. A killed process ([`Cut::Process`]) loses nothing, but
//! what it had not synced is still not synced: the next cut may take it, although a new process has read it meanwhile.
//! Folders need not be made. There are no hard links, no bit rot and no misdirected writes.
//!
//! `unsafe` lives in `vfs`, `wal_index` and `process` alone.

mod cut;
mod files;
mod host;
mod inode;
mod machine;
mod names;
mod power_cycle;
#[allow(unsafe_code)]
mod process;
mod rng;
#[allow(unsafe_code)]
mod vfs;
#[allow(unsafe_code)]
mod wal_index;

pub use cut::{Cut, SECTOR};
pub use files::Files;
pub use host::Host;
pub use machine::{Fault, Stats};
pub use process::{seed_process, tune_allocator};
pub use rng::{Rng, hash_bytes};
