//! The ways a machine stops, and what each does to unsynced operations.

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
