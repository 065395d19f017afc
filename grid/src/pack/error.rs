//! Errors of reading and of writing a pack.

#[cfg(feature = "tools")]
use protocol::codes::CellCode;
#[cfg(feature = "tools")]
use protocol::geo::PointE7;

use super::format::FORMAT_VERSION;

/// Why bytes are not a valid pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// The bytes do not begin with the pack's magic.
    #[error("not a grid pack")]
    NotAPack,
    /// Written by a newer (or unknown) program.
    #[error("grid pack of format {found}; this program reads formats 1 to {FORMAT_VERSION}")]
    Version {
        /// The format version of the file.
        found: u16,
    },
    /// The number of bytes differs from the header.
    #[error("grid pack of {found} bytes should have {expected}")]
    Length {
        /// Bytes given.
        found: usize,
        /// Length according to the header.
        expected: usize,
    },
    /// The SHA-256 in the header does not match: the bytes were changed.
    #[error("grid pack is damaged: its SHA-256 does not match")]
    Hash,
    /// The hash matches, but the content contradicts itself: the writer has a bug.
    #[error("grid pack contradicts itself: {0}")]
    Corrupt(&'static str),
}

impl PackError {
    /// Returns the stable dotted code of this error.
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

/// Why a pack cannot be made from the input.
#[cfg(feature = "tools")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The input has no cell.
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
    /// More than about 107 degrees across, or cells over so many tiles that the index would not fit the memory.
    #[error("the cells are too large, or farther apart than a pack can cover")]
    TooWide,
    /// More than 32 cells over one bucket of the finest division: an overlap, which the check reports.
    #[error("more than 32 cells at {},{}", .0.lat, .0.lon)]
    TooManyAtOnePlace(PointE7),
    /// More borders at one position than the finest division can separate.
    #[error("too many borders at one place")]
    TooDense,
    /// Beyond 4 GB.
    #[error("the pack would be too large")]
    TooLarge,
    /// A unit whose code does not fit its level, a unit that occurs twice, or a text above its maximum length.
    #[error("unit {0} is malformed or occurs twice")]
    Unit(String),
    /// A value of the metadata contains a line break, or the datum is not WGS-84.
    #[error("the metadata cannot be written")]
    Meta,
    /// The reader rejects the written bytes: a bug of this program, detected before the pack is used.
    #[error("the reader rejects the written pack: {0}")]
    Unreadable(#[from] PackError),
}
