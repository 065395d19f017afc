//! Point to cell: the exact integer lookup. No float, no allocation, no panic whatever the bytes.

use std::fmt;

use protocol::codes::{CellCode, CountyCode};
use protocol::geo::PointE7;

use super::read::Pack;
use super::{
    BLOCK_OFFSET, BLOCK_SHIFT, COUNTY_LEN, NARROW_CANDIDATES, RECORD_HEAD, RECORD_WIDE, TILE_BLOCK,
    TILE_FULL, TILE_TAG, WIDE_CANDIDATES, WORD_RECORD, WORDS_HEAD,
};

/// A cell as its pack knows it: 30 bits that sort like the codes. Good for one pack only; store [`CellCode`]s.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub(crate) u32);

impl Handle {
    pub(crate) const COUNTY_SHIFT: u32 = 20;
    pub(crate) const LOW_DIGITS: u32 = 1_000_000;
    pub(crate) const MASK: u32 = (1 << 30) - 1;

    pub(crate) fn county(self) -> usize {
        (self.0 >> Self::COUNTY_SHIFT) as usize
    }

    pub(crate) fn low(self) -> u32 {
        self.0 & ((1 << Self::COUNTY_SHIFT) - 1)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({}/{:06})", self.county(), self.low())
    }
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The code of six county digits (ASCII) and the last six as a number.
#[inline]
pub(crate) fn cell_code(county: &[u8; COUNTY_LEN], low: u32) -> Option<CellCode> {
    let &[a, b, c, d, e, f, _, _] = county;
    CountyCode::from_digits([a, b, c, d, e, f])?.cell_of(low)
}

/// A record split into its parts, bounds checked once.
pub(crate) struct Record<'a> {
    pub is_wide: bool,
    pub start: u32,
    pub candidates: &'a [u8],
    pub rows: &'a [u8],
    pub masks: &'a [u8],
}

impl<'a> Record<'a> {
    #[inline]
    pub(crate) fn at(records: &'a [u8], offset: usize) -> Option<Self> {
        let (&[rows, kind, start, _], rest) = records.get(offset..)?.split_first_chunk::<RECORD_HEAD>()?;
        let is_wide = kind & RECORD_WIDE != 0;
        let (row_len, mask_len) = if is_wide { (16, 4) } else { (8, 1) };
        let (start, rest) = if is_wide {
            (u32_at(rest, 0)?, rest.get(4..)?)
        } else {
            (u32::from(start), rest)
        };
        let (candidates, rest) = rest.split_at_checked(usize::from(kind & !RECORD_WIDE) * 4)?;
        let (row_bytes, rest) = rest.split_at_checked(usize::from(rows) * row_len)?;
        let masks = rest.get(..usize::from(rows) * mask_len)?;
        Some(Self {
            is_wide,
            start,
            candidates,
            rows: row_bytes,
            masks,
        })
    }

    /// The candidates that hold the point `(x, y)` relative to the bucket's corner, as a set of bits.
    #[inline]
    pub(crate) fn holders(&self, x: i32, y: i32) -> u32 {
        if self.is_wide {
            self.wide(i64::from(x), i64::from(y))
        } else {
            self.narrow(x, y)
        }
    }

    #[inline]
    fn narrow(&self, x: i32, y: i32) -> u32 {
        let mut held = self.start;
        for (row, &mask) in self.rows.as_chunks::<8>().0.iter().zip(self.masks) {
            let [a0, a1, b0, b1, c0, c1, d0, d1] = *row;
            let ax = i32::from(i16::from_le_bytes([a0, a1]));
            let ay = i32::from(i16::from_le_bytes([b0, b1]));
            let bx = i32::from(i16::from_le_bytes([c0, c1]));
            let by = i32::from(i16::from_le_bytes([d0, d1]));
            let side = (bx - ax)
                .wrapping_mul(y - ay)
                .wrapping_sub((by - ay).wrapping_mul(x - ax));
            // No branch: borders are toggled as if by coin toss, and a wrong guess costs more than the arithmetic.
            let is_below = (ax <= x) & (x < bx) & (side > 0);
            held ^= u32::from(mask) & u32::from(is_below).wrapping_neg();
        }
        held
    }

    #[cold]
    fn wide(&self, x: i64, y: i64) -> u32 {
        let mut held = self.start;
        for (row, mask) in self
            .rows
            .as_chunks::<16>()
            .0
            .iter()
            .zip(self.masks.as_chunks::<4>().0)
        {
            let at = |k: usize| i32_at(row, k * 4).map_or(0, i64::from);
            let (ax, ay, bx, by) = (at(0), at(1), at(2), at(3));
            let side = i128::from(bx - ax) * i128::from(y - ay) - i128::from(by - ay) * i128::from(x - ax);
            if ax <= x && x < bx && side > 0 {
                held ^= u32::from_le_bytes(*mask);
            }
        }
        held
    }

    pub(crate) fn handle(&self, position: u32) -> Option<Handle> {
        u32_at(self.candidates, position as usize * 4).map(Handle)
    }

    pub(crate) fn is_sound(&self) -> bool {
        let limit = if self.is_wide {
            WIDE_CANDIDATES
        } else {
            NARROW_CANDIDATES
        };
        let n = self.candidates.len() / 4;
        let known = if n >= 32 { u32::MAX } else { (1u32 << n) - 1 };
        let ascending = |(a, b): (&[u8; 4], &[u8; 4])| u32::from_le_bytes(*a) < u32::from_le_bytes(*b);
        let handles = self.candidates.as_chunks::<4>().0;
        let is_mask_known = if self.is_wide {
            self.masks
                .as_chunks::<4>()
                .0
                .iter()
                .all(|m| u32::from_le_bytes(*m) & !known == 0)
        } else {
            self.masks.iter().all(|&m| u32::from(m) & !known == 0)
        };
        n > 0
            && n <= limit
            && self.start & !known == 0
            && is_mask_known
            && handles.iter().zip(handles.iter().skip(1)).all(ascending)
    }
}

impl Pack<'_> {
    /// The cell that holds the point (WGS-84): exact, on borders by the rule of [`crate::geom::holds`], so every
    /// point of a tessellation has exactly one owner; where cells overlap the lowest code wins. `None` outside.
    #[inline]
    pub fn cell_at(&self, point: PointE7) -> Option<CellCode> {
        self.code(self.find(point)?)
    }

    /// Like [`Self::cell_at`], answering with the pack's own handle: for those who ask a million times.
    #[inline]
    pub fn find(&self, point: PointE7) -> Option<Handle> {
        let grid = &self.grid;
        let x = u32::try_from(i64::from(point.lon) - i64::from(grid.x0)).ok()?;
        let y = u32::try_from(i64::from(point.lat) - i64::from(grid.y0)).ok()?;
        if x >= grid.width || y >= grid.height {
            return None;
        }
        let (column, row) = (x >> grid.tile_shift, y >> grid.tile_shift);
        let tile = row as usize * grid.columns as usize + column as usize;
        let word = u32_at(self.directory, tile * 4)?;
        if word & TILE_TAG != TILE_BLOCK {
            return (word & TILE_TAG == TILE_FULL).then_some(Handle(word & Handle::MASK));
        }
        let k = (word >> BLOCK_SHIFT) & 7;
        let words = self.words.get((word & BLOCK_OFFSET) as usize * 4..)?;
        let shift = grid.tile_shift.checked_sub(k)?;
        let in_tile = (1u32 << grid.tile_shift) - 1;
        let (bx, by) = ((x & in_tile) >> shift, (y & in_tile) >> shift);
        let word = u16_at(words, WORDS_HEAD + ((by << k) + bx) as usize * 2)?;
        if word == 0 {
            return None;
        }
        let records = self.records.get((u32_at(words, 0)? as usize).checked_mul(4)?..)?;
        if word & WORD_RECORD == 0 {
            return u32_at(records, usize::from(word - 1) * 4).map(Handle);
        }
        let record = Record::at(records, usize::from(word & !WORD_RECORD) * 4)?;
        let in_bucket = (1u32 << shift) - 1;
        let held = record.holders((x & in_bucket).cast_signed(), (y & in_bucket).cast_signed());
        if held == 0 {
            return None;
        }
        record.handle(held.trailing_zeros())
    }

    /// The code of a handle of this pack.
    #[inline]
    pub fn code(&self, handle: Handle) -> Option<CellCode> {
        cell_code(self.counties.as_chunks().0.get(handle.county())?, handle.low())
    }

    /// The handle of a code, if the pack knows the cell.
    pub fn handle(&self, code: CellCode) -> Option<Handle> {
        let (county, low) = code.as_str().split_at_checked(6)?;
        let position = self
            .counties
            .as_chunks::<COUNTY_LEN>()
            .0
            .iter()
            .position(|c| c.starts_with(county.as_bytes()))?;
        let handle = Handle(u32::try_from(position).ok()? << Handle::COUNTY_SHIFT | low.parse::<u32>().ok()?);
        self.cell_position(handle).map(|_| handle)
    }

    /// Where the handle stands in the cell table.
    pub(crate) fn cell_position(&self, handle: Handle) -> Option<usize> {
        self.cells
            .as_chunks::<{ super::CELL_LEN }>()
            .0
            .binary_search_by_key(&handle.0, |c| u32_at(c, 0).unwrap_or(0))
            .ok()
    }
}
