//! Validates an open pack once: counties, cells and index agree with each other, so that a lookup never finds a record,
//! cell or name that does not exist. Reads check bounds all the same.

use super::error::PackError;
use super::format::{
    BLOCK_OFFSET, BLOCK_SHIFT, CELL_LEN, COUNTY_LEN, PackFormat, TILE_BLOCK, TILE_FULL, TILE_TAG,
    WORD_RECORD, WORDS_HEAD,
};
use super::outline::{CellEntry, ENTRY_LEN, Outline, box_shift};
use super::read::{Pack, PackMeta};
use super::record::{BucketRecord, CellHandle, u16_at, u32_at};
use super::second::{MOST_DIVISION, Polyline, RECORD_UNIT, RECORDS_SLACK, TILE_LEN, TileEntry};
use crate::geom::{Bounds, Pt};

/// Most vertices of all outlines for each byte of arcs: an arc is shared by few cells, and a hostile pack must not make
/// a reader walk through one arc a million times.
const MOST_SHARED: usize = 64;

impl Pack<'_> {
    pub(crate) fn validate(&self) -> Result<PackMeta, PackError> {
        let meta = self.meta()?;
        let counties = self.counties.as_chunks::<COUNTY_LEN>();
        let is_county = |c: &[u8; COUNTY_LEN]| {
            let (digits, rest) = c.split_at(6);
            digits.iter().all(u8::is_ascii_digit) && rest == [0, 0]
        };
        if !counties.1.is_empty()
            || counties.0.len() > 1024
            || !counties.0.iter().all(is_county)
            || counties
                .0
                .iter()
                .zip(counties.0.iter().skip(1))
                .any(|(a, b)| a >= b)
        {
            return Err(PackError::Corrupt("counties"));
        }
        match self.format {
            PackFormat::First => {
                self.validate_cells(counties.0.len())?;
                self.validate_index()?;
            }
            PackFormat::Second => {
                self.validate_outlines(counties.0.len())?;
                self.validate_tiles()?;
            }
        }
        self.validate_units()?;
        Ok(meta)
    }

    fn validate_cells(&self, counties: usize) -> Result<(), PackError> {
        let cells = self.cells.as_chunks::<CELL_LEN>();
        if !cells.1.is_empty()
            || !self.vertices.len().is_multiple_of(8)
            || !self.neighbours.len().is_multiple_of(4)
        {
            return Err(PackError::Corrupt("cell table"));
        }
        let mut last = None;
        for cell in cells.0 {
            let word = |at| u32_at(cell, at).unwrap_or(u32::MAX);
            let handle = CellHandle(word(0));
            let is_known = handle.0 <= CellHandle::MASK
                && handle.county() < counties
                && handle.low() < CellHandle::LOW_DIGITS;
            let fits = |first: u32, len: u32, of: usize| {
                (first as usize)
                    .checked_add(len as usize)
                    .is_some_and(|end| end <= of)
            };
            if !is_known
                || last.is_some_and(|l| l >= handle)
                || word(8) < 3
                || !fits(word(4), word(8), self.vertices.len() / 8)
                || !fits(word(40), word(44), self.neighbours.len() / 4)
            {
                return Err(PackError::Corrupt("a cell"));
            }
            last = Some(handle);
        }
        let is_cell = |n: &[u8; 4]| (u32::from_le_bytes(*n) as usize) < cells.0.len();
        if !self.neighbours.as_chunks::<4>().0.iter().all(is_cell) {
            return Err(PackError::Corrupt("a neighbour"));
        }
        Ok(())
    }

    fn validate_index(&self) -> Result<(), PackError> {
        let is_known = |h: CellHandle| self.cell_position(h).is_some();
        let tiles = self.grid.columns as usize * self.grid.rows as usize;
        if tiles.checked_mul(4) != Some(self.directory.len()) {
            return Err(PackError::Corrupt("directory"));
        }
        for word in self
            .directory
            .as_chunks::<4>()
            .0
            .iter()
            .map(|w| u32::from_le_bytes(*w))
        {
            let is_sound = match word & TILE_TAG {
                TILE_FULL => is_known(CellHandle(word & CellHandle::MASK)),
                TILE_BLOCK => self.is_block_sound(word, &is_known),
                _ => word == 0,
            };
            if !is_sound {
                return Err(PackError::Corrupt("a tile"));
            }
        }
        Ok(())
    }

    fn is_block_sound(&self, word: u32, is_known: &dyn Fn(CellHandle) -> bool) -> bool {
        let k = (word >> BLOCK_SHIFT) & 7;
        let Some(words) = self.words.get((word & BLOCK_OFFSET) as usize * 4..) else {
            return false;
        };
        let records = u32_at(words, 0).and_then(|at| self.records.get((at as usize).checked_mul(4)?..));
        let Some(records) = records else { return false };
        k < self.grid.tile_shift
            && (0..1usize << (2 * k)).all(|bucket| match u16_at(words, WORDS_HEAD + bucket * 2) {
                None => false,
                Some(0) => true,
                Some(w) if w & WORD_RECORD == 0 => {
                    u32_at(records, usize::from(w - 1) * 4).is_some_and(|h| is_known(CellHandle(h)))
                }
                Some(w) => BucketRecord::at(records, usize::from(w & !WORD_RECORD) * 4).is_some_and(|r| {
                    r.is_sound()
                        && r.candidates
                            .as_chunks::<4>()
                            .0
                            .iter()
                            .all(|h| is_known(CellHandle(u32::from_le_bytes(*h))))
                }),
            })
    }

    /// Format 2: the cell table, the outlines and the neighbours.
    fn validate_outlines(&self, counties: usize) -> Result<(), PackError> {
        const BAD: PackError = PackError::Corrupt("a cell");
        let cells = self.cells.as_chunks::<ENTRY_LEN>();
        if !cells.1.is_empty() {
            return Err(PackError::Corrupt("cell table"));
        }
        let (corner, shift) = (self.corner(), box_shift(self.grid.width, self.grid.height));
        let mut left = self.vertices.len().saturating_mul(MOST_SHARED);
        let mut last = None;
        for (own, cell) in cells.0.iter().enumerate() {
            let entry = CellEntry::read(cell).ok_or(BAD)?;
            let is_known = entry.handle.0 <= CellHandle::MASK
                && entry.handle.county() < counties
                && entry.handle.low() < CellHandle::LOW_DIGITS;
            if !is_known || last.is_some_and(|l| l >= entry.handle) {
                return Err(BAD);
            }
            last = Some(entry.handle);
            let outline = Outline::at(self.neighbours, &entry, corner, shift).ok_or(BAD)?;
            let mut points = outline.points(self.vertices);
            let first = points.end();
            let mut count = 0;
            let bounds = Bounds::of(points.by_ref().take(left).inspect(|_| count += 1)).ok_or(BAD)?;
            left -= count;
            let rough = entry.rough(corner, shift);
            if count < 3
                || points.end() != first
                || !rough.contains(bounds.min)
                || !rough.contains(bounds.max)
            {
                return Err(BAD);
            }
            let mut before = None;
            for neighbour in outline.neighbours(own) {
                if neighbour >= cells.0.len() || before.is_some_and(|b| b >= neighbour) {
                    return Err(PackError::Corrupt("a neighbour"));
                }
                before = Some(neighbour);
            }
        }
        Ok(())
    }

    /// Format 2: the directory, the words and the records.
    fn validate_tiles(&self) -> Result<(), PackError> {
        let tiles = self.grid.columns as usize * self.grid.rows as usize;
        if tiles.checked_mul(TILE_LEN) != Some(self.directory.len()) {
            return Err(PackError::Corrupt("directory"));
        }
        let mut known = KnownCells {
            pack: *self,
            seen: [u32::MAX; SEEN],
        };
        // Blocks follow each other, so that no block is validated for more than one tile; undivided tiles may share one.
        let mut end = 0;
        for entry in (0..tiles).filter_map(|tile| TileEntry::of(self.directory, tile)) {
            let buckets = 1usize << (entry.kx + entry.ky);
            let is_sound = entry.kx.max(entry.ky) <= MOST_DIVISION.min(self.grid.tile_shift - 1)
                && (buckets == 1 || entry.words >= end)
                && (0..buckets).all(|bucket| {
                    u16_at(self.words, entry.words + bucket * 2)
                        .map(|word| entry.records + usize::from(word) * RECORD_UNIT)
                        .is_some_and(|at| self.is_record_sound(at, &entry, &mut known))
                });
            if !is_sound {
                return Err(PackError::Corrupt("a tile"));
            }
            end = end.max(entry.words + buckets * 2);
        }
        Ok(())
    }

    fn is_record_sound(&self, at: usize, tile: &TileEntry, known: &mut KnownCells<'_>) -> bool {
        if let Some(line) = Polyline::at(self.records, at) {
            let mut last = None;
            return line.is_sound()
                && (0..line.candidates).all(|k| {
                    let handle = line.handle(k, tile.least);
                    let is_next = handle.is_some() && last < handle;
                    last = handle;
                    is_next && handle.is_some_and(|h| known.holds(h))
                });
        }
        let fits = self
            .records
            .len()
            .checked_sub(RECORDS_SLACK)
            .is_some_and(|end| at < end);
        let wide = BucketRecord::at(self.records, at).filter(|r| fits && r.is_wide && r.is_sound());
        wide.is_some_and(|r| {
            let candidates = r.candidates.as_chunks::<4>().0;
            candidates
                .iter()
                .all(|h| known.holds(CellHandle(u32::from_le_bytes(*h))))
        })
    }

    /// The least longitude and latitude.
    pub(crate) fn corner(&self) -> Pt {
        Pt::new(self.grid.x0, self.grid.y0)
    }
}

/// Cells that are remembered.
const SEEN: usize = 1024;

/// Answers whether a cell exists, and remembers some: the records of a tile name the same few cells again and again.
struct KnownCells<'a> {
    pack: Pack<'a>,
    seen: [u32; SEEN],
}

impl KnownCells<'_> {
    fn holds(&mut self, handle: CellHandle) -> bool {
        let Some(seen) = self.seen.get_mut(handle.0 as usize % SEEN) else {
            return false;
        };
        if *seen == handle.0 {
            return true;
        }
        let is_known = self.pack.cell_position(handle).is_some();
        if is_known {
            *seen = handle.0;
        }
        is_known
    }
}
