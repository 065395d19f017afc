//! Ways in which a machine stops, and the effect of each on unsynced operations.

/// Size in bytes that a disk writes atomically.
pub const SECTOR: usize = 512;

/// The effect of a stop of the machine on unsynced operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The process was killed; kernel and disk continue. Nothing is lost, and nothing becomes durable.
    Process,
    /// Nothing unsynced survives.
    LoseAll,
    /// An ordered disk: a random prefix of the unsynced operations survives, the last write torn.
    Prefix,
    /// A disk that reorders: each sector of an unsynced write survives independently with probability `keep`/1000. A
    /// lost sector is torn with probability `tear`/1000; past the old end of the file it contains garbage with
    /// probability `garbage`/1000.
    Scatter { keep: u32, tear: u32, garbage: u32 },
}
