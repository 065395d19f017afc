//! The smallest parts of a pack: numbers, handles and the records of the index. No panic for any bytes.

use std::fmt;

use protocol::codes::{CellCode, CountyCode};

use super::format::{COUNTY_LEN, NARROW_CANDIDATES, RECORD_HEAD, RECORD_WIDE, WIDE_CANDIDATES};

/// Id of a cell inside one pack: 30 bits that sort like the codes. Valid for that pack only; store [`CellCode`]s.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellHandle(pub(crate) u32);

impl CellHandle {
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

impl fmt::Debug for CellHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CellHandle({}/{:06})", self.county(), self.low())
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

/// Builds the code from six county digits (ASCII) and the last six digits as a number.
#[inline]
pub(crate) fn cell_code(county: &[u8; COUNTY_LEN], low: u32) -> Option<CellCode> {
    let &[a, b, c, d, e, f, _, _] = county;
    CountyCode::from_digits([a, b, c, d, e, f])?.cell_of(low)
}

/// A record split into its parts; bounds are checked once.
pub(crate) struct BucketRecord<'a> {
    pub is_wide: bool,
    pub start: u32,
    pub candidates: &'a [u8],
    pub rows: &'a [u8],
    pub masks: &'a [u8],
}

impl<'a> BucketRecord<'a> {
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

    /// Returns the candidates that contain the point `(x, y)` relative to the bucket's corner, as a bit set.
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
            // Without a branch: the outcome is unpredictable, and a misprediction costs more than the arithmetic.
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

    pub(crate) fn handle(&self, position: u32) -> Option<CellHandle> {
        u32_at(self.candidates, position as usize * 4).map(CellHandle)
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
