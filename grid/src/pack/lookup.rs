//! Point to cell: the exact integer lookup. No floats, no allocation, no panic for any bytes.

use protocol::codes::CellCode;
use protocol::geo::PointE7;

use super::format::{
    BLOCK_OFFSET, BLOCK_SHIFT, CELL_LEN, COUNTY_LEN, TILE_BLOCK, TILE_FULL, TILE_TAG, WORD_RECORD, WORDS_HEAD,
};
use super::read::Pack;
use super::record::{BucketRecord, CellHandle, cell_code, u16_at, u32_at};

impl Pack<'_> {
    /// Returns the cell that contains the point (WGS-84): exact, on borders by the rule of [`crate::geom::holds`], so
    /// every point of a tessellation is in exactly one cell; where cells overlap the lowest code wins. `None`
    /// outside.
    #[inline]
    pub fn cell_at(&self, point: PointE7) -> Option<CellCode> {
        self.code(self.find(point)?)
    }

    /// Like [`Self::cell_at`], but returns the pack's own handle, which is cheaper for millions of lookups.
    #[inline]
    pub fn find(&self, point: PointE7) -> Option<CellHandle> {
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
            return (word & TILE_TAG == TILE_FULL).then_some(CellHandle(word & CellHandle::MASK));
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
            return u32_at(records, usize::from(word - 1) * 4).map(CellHandle);
        }
        let record = BucketRecord::at(records, usize::from(word & !WORD_RECORD) * 4)?;
        let in_bucket = (1u32 << shift) - 1;
        let held = record.holders((x & in_bucket).cast_signed(), (y & in_bucket).cast_signed());
        if held == 0 {
            return None;
        }
        record.handle(held.trailing_zeros())
    }

    /// Returns the code of a handle of this pack.
    #[inline]
    pub fn code(&self, handle: CellHandle) -> Option<CellCode> {
        cell_code(self.counties.as_chunks().0.get(handle.county())?, handle.low())
    }

    /// Returns the handle of a code, if the pack contains the cell.
    pub fn handle(&self, code: CellCode) -> Option<CellHandle> {
        let (county, low) = code.as_str().split_at_checked(6)?;
        let position = self
            .counties
            .as_chunks::<COUNTY_LEN>()
            .0
            .iter()
            .position(|c| c.starts_with(county.as_bytes()))?;
        let handle =
            CellHandle(u32::try_from(position).ok()? << CellHandle::COUNTY_SHIFT | low.parse::<u32>().ok()?);
        self.cell_position(handle).map(|_| handle)
    }

    /// Returns the position of the handle in the cell table.
    pub(crate) fn cell_position(&self, handle: CellHandle) -> Option<usize> {
        self.cells
            .as_chunks::<CELL_LEN>()
            .0
            .binary_search_by_key(&handle.0, |c| u32_at(c, 0).unwrap_or(0))
            .ok()
    }
}
