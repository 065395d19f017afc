//! The pack: a grid version as one file that a handset maps and asks without loading it.
//!
//! Layout (little-endian throughout; every section starts at a multiple of 64):
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | magic `XGPACK\r\n` (a transfer that mends line ends is noticed at once) |
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
//! A cell's *handle* is 30 bits: county position << 20 | last six digits. It sorts like the code, and the code is
//! had from it without touching the cell table.
//!
//! The index: the tile of a point is found by a shift. Its directory word says outside, one cell for all of the
//! tile, or where its words are and how finely it is divided (`2^k` by `2^k` buckets). The words begin with where the
//! tile's records are (u32, units of four bytes); then one u16 a bucket: outside, one cell for all of the bucket (a
//! position in the table of handles that the tile's records begin with), or a record. Words lie together, apart from
//! the records, because they are few enough to stay in a cache: a lookup then misses it once, for the record, and no
//! record that fits a cache line straddles two.
//!
//! A record holds the candidate cells in the order of codes, for each whether the bucket's least corner starts
//! inside it, and only the borders that touch the bucket, relative to its corner, each with the set of candidates
//! whose inside it toggles. A shared border is stored once. Where a border leaves through the bucket's floor and
//! the ring goes on below it, a level *step* row under the floor stands for the rest, so nothing is clipped and
//! nothing rounded: the answer is exactly the border rule of [`crate::geom::holds`], the lowest code winning where
//! cells overlap.

mod around;
#[cfg(feature = "tools")]
mod index;
mod lookup;
mod read;
mod units;
#[cfg(feature = "tools")]
mod write;

pub use around::{Candidate, Candidates};
pub use lookup::Handle;
pub use read::{Pack, PackBuf, PackError, PackMeta};
pub use units::{Cell, Unit, UnitLevel};
#[cfg(feature = "tools")]
pub use write::{PackInput, PackUnit, WriteError, write};

pub(crate) const MAGIC: [u8; 8] = *b"XGPACK\r\n";
/// The only format version there is; a reader refuses any other.
pub const FORMAT_VERSION: u16 = 1;

pub(crate) const HEADER_LEN: usize = 148;
pub(crate) const HASHED_FROM: usize = 48;
pub(crate) const SECTIONS: usize = 9;
pub(crate) const COUNTY_LEN: usize = 8;
pub(crate) const CELL_LEN: usize = 48;
pub(crate) const UNIT_LEN: usize = 24;
/// No pack is larger than this many units in either direction (about 107 degrees).
pub(crate) const MAX_EXTENT: u32 = 1 << 30;

/// Directory word: the top two bits.
pub(crate) const TILE_FULL: u32 = 0b01 << 30;
pub(crate) const TILE_BLOCK: u32 = 0b10 << 30;
pub(crate) const TILE_TAG: u32 = 0b11 << 30;
/// Below the tag of a block word: three bits `k`, 27 bits offset in units of four bytes.
pub(crate) const BLOCK_SHIFT: u32 = 27;
pub(crate) const BLOCK_OFFSET: u32 = (1 << BLOCK_SHIFT) - 1;

/// Words of a tile follow this many bytes that say where its records are.
pub(crate) const WORDS_HEAD: usize = 4;
/// Bucket word: top bit set = record, offset in units of four bytes from the tile's records; else 0 = outside,
/// else position in the tile's table of handles plus one.
pub(crate) const WORD_RECORD: u16 = 1 << 15;

/// Record head: rows, candidates (bit 7: wide), start mask if narrow, nothing; then the start mask as u32 if wide, the
/// handles (u32 each), the rows and after them their masks. Narrow rows are four i16 and masks u8, wide ones i32 and
/// u32.
pub(crate) const RECORD_HEAD: usize = 4;
pub(crate) const RECORD_WIDE: u8 = 1 << 7;
/// Narrow coordinates stay within this of the bucket's corner, so that a cross product fits an i32.
#[cfg(feature = "tools")]
pub(crate) const NARROW_LIMIT: i64 = 16_383;
pub(crate) const NARROW_CANDIDATES: usize = 8;
/// No more cells than this may lie over one bucket.
pub(crate) const WIDE_CANDIDATES: usize = 32;
