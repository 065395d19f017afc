//! The pack: a grid version as one file that a handset maps into memory and queries without parsing it.
//!
//! Layout (little-endian throughout; every section starts at a multiple of 64):
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | magic `XGPACK\r\n` (detects a transfer that converts line breaks) |
//! | 8..10, 10..12 | format version, number of sections |
//! | 12..16 | total length |
//! | 16..48 | SHA-256 of everything from byte 48 on |
//! | 48..76 | least longitude and latitude (i32), width and height (u32), tile shift, columns, rows (u32) |
//! | 76..148 | nine sections as offset and length (u32) |
//!
//! Sections: `META` lines `key=value`; `COUNTIES` six digits and two zeros each; `DIRECTORY` one u32 a tile; `WORDS` and
//! `RECORDS` the index of the tiles that hold borders; `CELLS` 48 bytes a cell in the order of codes; `VERTICES` rings
//! as longitude and latitude; `NEIGHBOURS` u32 cell positions; `UNITS` the names of counties, streets and communities.
//!
//! # Format 1
//!
//! A cell's *handle* is 30 bits: county position << 20 | last six digits. It sorts like the code, and the code is
//! computed from it without reading the cell table.
//!
//! The index: a shift gives the tile of a point. Its directory word is one of: outside, one cell for all of the tile,
//! or where its words are and how finely it is divided (`2^k` by `2^k` buckets). The words begin with the position of
//! the tile's records (u32, units of four bytes); then one u16 for each bucket: outside, one cell for all of the
//! bucket (a position in the table of handles that the tile's records begin with), or a record. Words are stored
//! separately from the records, because they are few enough to stay in a cache: a lookup then misses the cache once,
//! for the record, and no record that fits a cache line straddles two.
//!
//! A record contains the candidate cells in the order of codes, for each whether the bucket's lower left corner is
//! inside it, and only the borders that touch the bucket, relative to its corner, each with the set of candidates
//! whose inside it toggles. A shared border is stored once. Where a border leaves through the bucket's floor and the
//! ring continues below it, a horizontal *step* row under the floor represents the rest, so nothing is clipped or
//! rounded: the result is exactly the border rule of [`crate::geom::holds`], the lowest code winning where cells
//! overlap.
//!
//! # Format 2
//!
//! The same header and sections, smaller and faster (`docs/adr/0026-second-format-of-the-pack.md`):
//!
//! * `DIRECTORY`: 12 bytes a tile: position of the words (u32), position of the records (u32, a multiple of 64; its lowest
//!   six bits are `kx` and `ky`), the least handle of the tile's candidates. A tile has `2^kx` by `2^ky` buckets.
//! * `WORDS`: one u16 a bucket: where its record is, in units of four bytes.
//! * `RECORDS`: number of vertices, kind and start mask (a byte each), the candidates (u16 distances from the least handle;
//!   u32 handles if bit 6 of the kind is set), the vertices' longitudes, then their latitudes (the lowest 16 bits of the
//!   distances from the pack's corner), then a mask for each border, that is one less than vertices. The vertices are one
//!   line; where it jumps, the mask is 0. Without candidates the bucket is outside. Bit 7 of the kind: a wide record of format
//!   1, with distances from the pack's corner. The section ends with 128 bytes that no record uses.
//! * `CELLS`: 16 bytes a cell: handle, position of its outline, its box in 16-bit units of the pack's extent, rounded outwards.
//! * in place of `VERTICES`, arcs: a number (steps × 3 + width: i8, i16, i32) and the steps between vertices.
//! * in place of `NEIGHBOURS`, outlines: the first vertex from the box's corner, the number of arcs, for each its distance
//!   from the arc before with the direction, then the number of neighbours and their positions as differences. All are
//!   numbers of 7 bits a byte, signed ones folded.

mod area;
mod around;
#[cfg(feature = "tools")]
mod block;
mod circle;
mod error;
mod file;
mod format;
#[cfg(feature = "tools")]
mod index;
mod lookup;
mod outline;
#[cfg(feature = "tools")]
mod outline_write;
#[cfg(feature = "tools")]
mod parts;
mod read;
mod record;
mod second;
#[cfg(feature = "tools")]
mod second_write;
mod units;
mod validate;
#[cfg(feature = "tools")]
mod write;

pub use around::{Candidates, CellCandidate};
pub use error::PackError;
#[cfg(feature = "tools")]
pub use error::WriteError;
pub use file::{PackFile, PackFileError, ReadAt};
pub use format::FORMAT_VERSION;
pub use read::{Pack, PackBuf, PackMeta};
pub use record::CellHandle;
pub use units::{Cell, NamedUnit, UnitLevel};
#[cfg(feature = "tools")]
pub use write::{PackInput, PackStyle, PackUnit, rewrite, write, write_as};
