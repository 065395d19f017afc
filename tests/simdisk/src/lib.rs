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
//! `unsafe` lives in `vfs` and `process` alone.

mod cut;
mod files;
mod host;
mod inode;
mod machine;
mod names;
#[allow(unsafe_code)]
mod process;
mod rng;
#[allow(unsafe_code)]
mod vfs;

pub use crate::files::Files;
pub use crate::host::Host;
pub use crate::machine::{Fault, Stats};
pub use crate::process::{seed_process, tune_allocator};
pub use crate::rng::{Rng, hash_bytes};

/// What a disk writes at once or not at all.
pub const SECTOR: usize = 512;

/// What happens to unsynced operations when a machine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The process was killed; kernel and disk live on. Nothing is lost, and nothing becomes safe either.
    Process,
    /// Nothing unsynced survives.
    LoseAll,
    /// An ordered disk: a random prefix of the unsynced operations survives, the last write torn.
    Prefix,
    /// A disk that reorders: each sector of an unsynced write survives by itself with `keep` in 1000. A lost one is torn
    /// inside with `tear` in 1000; past the old end of the file it may hold garbage with `garbage` in 1000.
    Scatter { keep: u32, tear: u32, garbage: u32 },
}
