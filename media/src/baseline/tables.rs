//! The tables that a file defines before its scan.

use super::huffman::Huffman;
use crate::error::MediaError;

/// For each position in the file's order: row times 8 plus column of the coefficient.
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Quantisation and code tables by their number.
#[derive(Default)]
pub(super) struct JpegTables {
    /// Factors in the file's order.
    pub(super) quantisation: [Option<[u16; 64]>; 4],
    pub(super) dc: [Option<Box<Huffman>>; 4],
    pub(super) ac: [Option<Box<Huffman>>; 4],
}

impl JpegTables {
    /// Reads a segment with quantisation tables.
    pub(super) fn read_quantisation(&mut self, mut body: &[u8]) -> Result<(), MediaError> {
        while let Some((&kind, rest)) = body.split_first() {
            let slot = self
                .quantisation
                .get_mut(usize::from(kind & 15))
                .ok_or_else(|| MediaError::corrupt("a quantisation table with an unknown number"))?;
            let mut table = [0; 64];
            let length = if kind >> 4 == 0 { 64 } else { 128 };
            let (factors, rest) = rest
                .split_at_checked(length)
                .ok_or_else(|| MediaError::corrupt("a quantisation table that is too short"))?;
            if length == 64 {
                for (to, &from) in table.iter_mut().zip(factors) {
                    *to = u16::from(from);
                }
            } else {
                for (to, from) in table.iter_mut().zip(factors.as_chunks::<2>().0) {
                    *to = u16::from_be_bytes(*from);
                }
            }
            *slot = Some(table);
            body = rest;
        }
        Ok(())
    }

    /// Reads a segment with code tables.
    pub(super) fn read_codes(&mut self, mut body: &[u8]) -> Result<(), MediaError> {
        while let Some((&kind, rest)) = body.split_first() {
            let short = || MediaError::corrupt("a code table that is too short");
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(short)?;
            let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or_else(short)?;
            if total > 256 {
                return Err(MediaError::corrupt("a code table with more than 256 codes"));
            }
            let tables = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(MediaError::corrupt("a code table of an unknown class")),
            };
            let slot = tables
                .get_mut(usize::from(kind & 15))
                .ok_or_else(|| MediaError::corrupt("a code table with an unknown number"))?;
            *slot = Some(Huffman::new(counts, symbols)?);
            body = rest;
        }
        Ok(())
    }
}
