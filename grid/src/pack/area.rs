//! The cells inside a rectangle.

use super::format::{
    BLOCK_OFFSET, BLOCK_SHIFT, PackFormat, TILE_BLOCK, TILE_FULL, TILE_TAG, WORD_RECORD, WORDS_HEAD,
};
use super::read::Pack;
use super::record::{BucketRecord, CellHandle, u16_at, u32_at};
use super::second::{Polyline, RECORD_UNIT, TileEntry};
use super::units::Cell;
use crate::geom::{Bounds, Pt, edges, holds};

/// A rectangle over more tiles than this is answered from the cell table: reading its bounding boxes in order is then
/// faster than visiting the buckets of the tiles.
const MOST_TILES: u64 = 64;

impl<'a> Pack<'a> {
    /// Returns the cells that have a point in common with the rectangle, in the order of codes; `None` if there are
    /// more than `limit`. The rectangle is WGS-84 and includes its sides.
    pub fn cells_in(&self, area: &Bounds, limit: usize) -> Option<Vec<Cell<'a>>> {
        let positions: &mut dyn Iterator<Item = usize> = match self.handles_around(area) {
            Some(handles) => &mut handles
                .into_iter()
                .filter_map(|handle| self.cell_position(handle)),
            None => &mut (0..self.len()),
        };
        let mut found = Vec::new();
        for cell in positions.filter_map(|k| self.cell_in_place(k)) {
            if !cell.reaches(area) {
                continue;
            }
            if found.len() == limit {
                return None;
            }
            found.push(cell);
        }
        Some(found)
    }

    /// The cells of all buckets that touch the rectangle, ascending; `None` if it covers too many tiles.
    fn handles_around(&self, area: &Bounds) -> Option<Vec<CellHandle>> {
        let grid = &self.grid;
        let inside = |low: i32, high: i32, origin: i32, extent: u32| {
            let at = |v: i32| i64::from(v) - i64::from(origin);
            let (low, high) = (at(low).max(0), at(high).min(i64::from(extent) - 1));
            Some((u32::try_from(low).ok()?, u32::try_from(high).ok()?)).filter(|(low, high)| low <= high)
        };
        let spans = inside(area.min.x, area.max.x, grid.x0, grid.width).zip(inside(
            area.min.y,
            area.max.y,
            grid.y0,
            grid.height,
        ));
        let Some(((west, east), (south, north))) = spans else {
            return Some(Vec::new());
        };
        let tiles = |low: u32, high: u32| low >> grid.tile_shift..=high >> grid.tile_shift;
        let count = |low: u32, high: u32| u64::from((high >> grid.tile_shift) - (low >> grid.tile_shift)) + 1;
        if count(west, east) * count(south, north) > MOST_TILES {
            return None;
        }
        let mut handles = Vec::new();
        for (row, column) in tiles(south, north).flat_map(|row| tiles(west, east).map(move |c| (row, c))) {
            let (left, bottom) = (column << grid.tile_shift, row << grid.tile_shift);
            let last = (1u32 << grid.tile_shift) - 1;
            let within = |low: u32, high: u32, origin: u32| {
                (low.saturating_sub(origin), high.saturating_sub(origin).min(last))
            };
            let tile = row as usize * grid.columns as usize + column as usize;
            self.handles_of_tile(
                tile,
                within(west, east, left),
                within(south, north, bottom),
                &mut handles,
            );
        }
        handles.sort_unstable();
        handles.dedup();
        Some(handles)
    }

    /// Adds the cells of the tile's buckets between these distances from the tile's corner.
    fn handles_of_tile(&self, tile: usize, x: (u32, u32), y: (u32, u32), out: &mut Vec<CellHandle>) {
        if self.format == PackFormat::Second {
            return self.handles_of_second(tile, x, y, out);
        }
        let Some(word) = u32_at(self.directory, tile * 4) else {
            return;
        };
        if word & TILE_TAG == TILE_FULL {
            out.push(CellHandle(word & CellHandle::MASK));
        }
        if word & TILE_TAG != TILE_BLOCK {
            return;
        }
        let k = (word >> BLOCK_SHIFT) & 7;
        let words = self.words.get((word & BLOCK_OFFSET) as usize * 4..);
        let records = words
            .and_then(|words| u32_at(words, 0))
            .and_then(|at| self.records.get((at as usize).checked_mul(4)?..));
        let shift = self.grid.tile_shift.checked_sub(k);
        let Some(((words, records), shift)) = words.zip(records).zip(shift) else {
            return;
        };
        for by in y.0 >> shift..=y.1 >> shift {
            for bx in x.0 >> shift..=x.1 >> shift {
                match u16_at(words, WORDS_HEAD + ((by << k) + bx) as usize * 2) {
                    None | Some(0) => {}
                    Some(word) if word & WORD_RECORD == 0 => {
                        out.extend(u32_at(records, usize::from(word - 1) * 4).map(CellHandle));
                    }
                    Some(word) => {
                        let record = BucketRecord::at(records, usize::from(word & !WORD_RECORD) * 4);
                        let candidates = record.iter().flat_map(|r| r.candidates.as_chunks::<4>().0);
                        out.extend(candidates.map(|h| CellHandle(u32::from_le_bytes(*h))));
                    }
                }
            }
        }
    }
}

impl Pack<'_> {
    fn handles_of_second(&self, tile: usize, x: (u32, u32), y: (u32, u32), out: &mut Vec<CellHandle>) {
        let Some(entry) = TileEntry::of(self.directory, tile) else {
            return;
        };
        let shift = |k: u32| self.grid.tile_shift.checked_sub(k);
        let (Some(sx), Some(sy)) = (shift(entry.kx), shift(entry.ky)) else {
            return;
        };
        for word in (y.0 >> sy..=y.1 >> sy)
            .flat_map(|by| (x.0 >> sx..=x.1 >> sx).map(move |bx| (by << entry.kx) + bx))
        {
            let word = u16_at(self.words, entry.words + word as usize * 2);
            let at = entry.records + usize::from(word.unwrap_or_default()) * RECORD_UNIT;
            if let Some(line) = Polyline::at(self.records, at) {
                out.extend((0..line.candidates).filter_map(|k| line.handle(k, entry.least)));
            } else if let Some(wide) = BucketRecord::at(self.records, at) {
                let candidates = wide.candidates.as_chunks::<4>().0;
                out.extend(candidates.iter().map(|h| CellHandle(u32::from_le_bytes(*h))));
            }
        }
    }
}

impl Cell<'_> {
    /// Returns true if the cell has a point in common with the rectangle; exact.
    fn reaches(&self, area: &Bounds) -> bool {
        if !self.rough_bounds().meets(area) {
            return false;
        }
        let own = self.bounds();
        if !own.meets(area) {
            return false;
        }
        if area.contains(own.min) && area.contains(own.max) {
            return true;
        }
        let ring: Vec<Pt> = self.points().collect();
        edges(&ring).any(|(a, b)| area.is_touched_by(a, b)) || holds(&ring, area.min)
    }
}
