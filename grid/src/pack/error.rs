//! Why a pack cannot be read or written.

#[cfg(feature = "tools")]
use protocol::codes::CellCode;
#[cfg(feature = "tools")]
use protocol::geo::PointE7;

use super::format::FORMAT_VERSION;

/// Why some bytes are not a pack to rely on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// The bytes do not begin like a pack.
    #[error("not a grid pack")]
    NotAPack,
    /// Written by a newer (or unknown) program.
    #[error("grid pack of format {found}; this program reads format {FORMAT_VERSION}")]
    Version {
        /// The format version the file names.
        found: u16,
    },
    /// Fewer or more bytes than the header says.
    #[error("grid pack of {found} bytes should have {expected}")]
    Length {
        /// Bytes given.
        found: usize,
        /// Bytes the header promises.
        expected: usize,
    },
    /// The bytes are not those that were written.
    #[error("grid pack is damaged: its SHA-256 does not match")]
    Hash,
    /// The hash holds, but the content contradicts itself: a faulty writer.
    #[error("grid pack contradicts itself: {0}")]
    Corrupt(&'static str),
}

impl PackError {
    /// The stable dotted code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAPack => "grid.pack.not_a_pack",
            Self::Version { .. } => "grid.pack.version",
            Self::Length { .. } => "grid.pack.length",
            Self::Hash => "grid.pack.hash",
            Self::Corrupt(_) => "grid.pack.corrupt",
        }
    }
}

/// Why no pack can be made of this input.
#[cfg(feature = "tools")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// No cell at all.
    #[error("there is no cell to pack")]
    NoCells,
    /// The same code twice.
    #[error("cell {0} occurs twice")]
    Twice(CellCode),
    /// A ring of fewer than three vertices.
    #[error("cell {0} has fewer than three vertices")]
    TooFewVertices(CellCode),
    /// More than 1,024 counties.
    #[error("more than 1,024 counties")]
    TooManyCounties,
    /// More than about 107 degrees across.
    #[error("the cells lie further apart than a pack can reach")]
    TooWide,
    /// More than 32 cells over one bucket of the finest division: an overlap that the checker names.
    #[error("more than 32 cells at {},{}", .0.lat, .0.lon)]
    TooManyAtOnePlace(PointE7),
    /// More borders at one place than any division can part.
    #[error("too many borders at one place")]
    TooDense,
    /// Beyond 4 GB.
    #[error("the pack would be too large")]
    TooLarge,
    /// A unit whose code does not fit its level, or one that occurs twice, or texts beyond their length.
    #[error("unit {0} is malformed or occurs twice")]
    Unit(String),
    /// A value of the metadata holds a line end, or the datum is not WGS-84.
    #[error("the metadata cannot be written")]
    Meta,
    /// The reader refuses what was written: a fault of this program, caught before anyone relies on it.
    #[error("the pack does not pass its own reader: {0}")]
    Unreadable(#[from] PackError),
}
