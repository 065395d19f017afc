//! A simulated disk with power failures: one [`Host`] is one machine whose disk loses unsynced data when its power is
//! cut.
//!
//! SQLite accesses it through one VFS per host (so that each machine has its own clock and its own random numbers),
//! other code through plain [`Files`]. Both share one folder tree, one count of operations, one quota and one power
//! switch.
//!
//! | may be lost in a cut | until |
//! |---|---|
//! | bytes written, truncated or appended | that file is synced |
//! | a name created, renamed or removed | its folder is synced ([`Files::sync_dir`]; SQLite syncs the folder of a new
//! journal or WAL) |
//!
//! [`Cut`] determines which unsynced data survives: none, a prefix with the last write torn, or individual sectors.
//! Names survive as a prefix, as on a journaling file system. A killed process ([`Cut::Process`]) loses nothing, but
//! its unsynced data remains unsynced: the next cut may remove it, although a new process has read it meanwhile.
//! Folders need not be created. There are no hard links, no bit rot and no misdirected writes.
//!
//! Only the modules `vfs`, `wal_index` and `process` contain `unsafe` code.

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
