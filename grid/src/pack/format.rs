//! Constants of the file format; [`super`] describes the layout.

pub(crate) const MAGIC: [u8; 8] = *b"XGPACK\r\n";
/// The newest format version; a reader accepts versions 1 to this one and rejects any other.
pub const FORMAT_VERSION: u16 = 2;

/// The format of an open pack; the number in its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PackFormat {
    /// Rings in full, borders of a bucket as pairs of ends.
    First = 1,
    /// Borders stored once, a bucket's borders as one polyline; [`super::second`].
    Second = 2,
}

impl PackFormat {
    pub(crate) fn of(number: u16) -> Option<Self> {
        [Self::First, Self::Second]
            .into_iter()
            .find(|f| *f as u16 == number)
    }
}

pub(crate) const HEADER_LEN: usize = 148;
pub(crate) const HASHED_FROM: usize = 48;
pub(crate) const SECTIONS: usize = 9;
pub(crate) const COUNTY_LEN: usize = 8;
pub(crate) const CELL_LEN: usize = 48;
pub(crate) const UNIT_LEN: usize = 24;
/// Maximum extent of a pack in either direction, in units of 1e-7 degree (about 107 degrees).
pub(crate) const MAX_EXTENT: u32 = 1 << 30;

/// Directory word: the top two bits.
pub(crate) const TILE_FULL: u32 = 0b01 << 30;
pub(crate) const TILE_BLOCK: u32 = 0b10 << 30;
pub(crate) const TILE_TAG: u32 = 0b11 << 30;
/// Below the tag of a block word: three bits `k`, 27 bits offset in units of four bytes.
pub(crate) const BLOCK_SHIFT: u32 = 27;
pub(crate) const BLOCK_OFFSET: u32 = (1 << BLOCK_SHIFT) - 1;

/// Number of bytes before the words of a tile; they contain the position of its records.
pub(crate) const WORDS_HEAD: usize = 4;
/// Bucket word: top bit set = record, offset in units of four bytes from the tile's records; else 0 = outside,
/// else position in the tile's table of handles plus one.
pub(crate) const WORD_RECORD: u16 = 1 << 15;

/// Record head: rows, candidates (bit 7: wide), start mask if narrow, one unused byte; then the start mask as u32 if
/// wide, the handles (u32 each), the rows and after them their masks. Narrow rows are four i16 and masks u8, wide
/// ones i32 and u32.
pub(crate) const RECORD_HEAD: usize = 4;
pub(crate) const RECORD_WIDE: u8 = 1 << 7;
/// Narrow coordinates stay within this of the bucket's corner, so that a cross product fits an i32.
#[cfg(feature = "tools")]
pub(crate) const NARROW_LIMIT: i64 = 16_383;
pub(crate) const NARROW_CANDIDATES: usize = 8;
/// Maximum number of cells over one bucket.
pub(crate) const WIDE_CANDIDATES: usize = 32;
