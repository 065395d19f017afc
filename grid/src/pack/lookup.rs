//! Point to cell: the exact integer lookup. No floats, no allocation, no panic for any bytes.

use protocol::codes::CellCode;
use protocol::geo::PointE7;

use super::format::{
    BLOCK_OFFSET, BLOCK_SHIFT, CELL_LEN, COUNTY_LEN, PackFormat, TILE_BLOCK, TILE_FULL, TILE_TAG,
    WORD_RECORD, WORDS_HEAD,
};
use super::outline::ENTRY_LEN;
use super::read::Pack;
use super::record::{BucketRecord, CellHandle, cell_code, u16_at, u32_at};
use super::second::{Bucket, MOST_TILE_SHIFT, Place, RECORD_UNIT, TileEntry, cell_of_bucket};

/// Points that [`Pack::find_all`] looks up together.
const TOGETHER: usize = 64;
/// Records of fewer bytes are not read ahead.
const LARGE: usize = 1 << 20;
/// The last byte of a record's first cache line, if the record is not at the line's begin.
const RECORD_TAIL: usize = 48;

impl Pack<'_> {
    /// Returns the cell that contains the point (WGS-84): exact, on borders by the rule of [`crate::geom::holds`], so
    /// every point of a tessellation is in exactly one cell; where cells overlap the lowest code wins. `None`
    /// outside.
    #[inline]
    pub fn cell_at(&self, point: PointE7) -> Option<CellCode> {
        self.code(self.find(point)?)
    }

    /// Like [`Self::cell_at`], but returns the pack's own handle, which is cheaper for millions of lookups.
    #[inline(always)]
    pub fn find(&self, point: PointE7) -> Option<CellHandle> {
        let place = self.place(point)?;
        match self.format {
            PackFormat::Second => cell_of_bucket(self.records, self.bucket(place)?, place),
            PackFormat::First => self.find_first(place),
        }
    }

    /// Looks up many points: the result of [`Self::find`] for each, in their order. Several times faster than one by
    /// one in a pack that does not fit the processor's caches, because it waits for the memory of 64 points at once.
    pub fn find_all(&self, points: &[PointE7]) -> Vec<Option<CellHandle>> {
        if !self.is_read_ahead() {
            return points.iter().map(|&point| self.find(point)).collect();
        }
        let mut found = Vec::with_capacity(points.len());
        self.each_found(points, |handle| found.push(handle));
        found
    }

    /// Like [`Self::find_all`], but returns the codes: the result of [`Self::cell_at`] for each point, in their order.
    pub fn cells_at(&self, points: &[PointE7]) -> Vec<Option<CellCode>> {
        if !self.is_read_ahead() {
            return points.iter().map(|&point| self.cell_at(point)).collect();
        }
        let mut found = Vec::with_capacity(points.len());
        self.each_found(points, |handle| found.push(handle.and_then(|h| self.code(h))));
        found
    }

    /// A small pack stays in a processor's cache, and nothing is gained by reading it ahead.
    fn is_read_ahead(&self) -> bool {
        self.format == PackFormat::Second && self.records.len() >= LARGE
    }

    #[inline]
    fn each_found(&self, points: &[PointE7], mut take: impl FnMut(Option<CellHandle>)) {
        for points in points.chunks(TOGETHER) {
            // Each pass reads one place for every point, and no read depends on another of its pass.
            let mut buckets = [(Bucket::NOWHERE, (0, 0)); TOGETHER];
            for (bucket, &point) in buckets.iter_mut().zip(points) {
                if let Some(place) = self.place(point) {
                    *bucket = (self.word(place).unwrap_or(Bucket::NOWHERE), place);
                }
            }
            for (bucket, _) in &mut buckets {
                *bucket = self.record(*bucket).unwrap_or(Bucket::NOWHERE);
            }
            let mut seen = 0u8;
            for (bucket, _) in &buckets {
                let at = |bytes: usize| self.records.get(bucket.at + bytes).copied().unwrap_or_default();
                seen ^= at(0) ^ at(RECORD_TAIL);
            }
            // The bytes must be read now, although nothing needs them before the last pass.
            std::hint::black_box(seen);
            for ((bucket, place), _) in buckets.iter().zip(points) {
                take(cell_of_bucket(self.records, *bucket, *place));
            }
        }
    }

    /// The distances of a point from the corner of the pack; `None` outside its bounds.
    #[inline]
    pub(crate) fn place(&self, point: PointE7) -> Option<Place> {
        let grid = &self.grid;
        // West or south of the corner the distance wraps to at least 2^31 minus the corner's coordinate, which is never
        // less than the width: the far corner fits an i32, as was checked when the pack was opened.
        let x = point.lon.wrapping_sub(grid.x0).cast_unsigned();
        let y = point.lat.wrapping_sub(grid.y0).cast_unsigned();
        ((x < grid.width) & (y < grid.height)).then_some((x, y))
    }

    /// The bucket of a point, with the place of its word.
    #[inline(always)]
    fn word(&self, place: Place) -> Option<Bucket> {
        // Almost all packs have tiles of this size, and constant shifts are cheaper.
        if self.grid.tile_shift == MOST_TILE_SHIFT {
            self.word_of(place, MOST_TILE_SHIFT)
        } else {
            self.word_of(place, self.grid.tile_shift & 31)
        }
    }

    #[inline(always)]
    fn word_of(&self, place: Place, shift: u32) -> Option<Bucket> {
        let (column, row) = (place.0 >> shift, place.1 >> shift);
        let tile = row as usize * self.grid.columns as usize + column as usize;
        let entry = TileEntry::of(self.directory, tile)?;
        Some(entry.bucket(shift, place))
    }

    /// The bucket with the place of its record instead of its word.
    #[inline(always)]
    fn record(&self, bucket: Bucket) -> Option<Bucket> {
        let at = usize::from(u16_at(self.words, bucket.at)?) * RECORD_UNIT;
        Some(Bucket {
            at: bucket.records + at,
            ..bucket
        })
    }

    /// The sizes of the buckets around a point of a pack of format 2, as shifts.
    pub(crate) fn bucket_shifts(&self, (x, y): Place) -> Option<(u32, u32)> {
        let shift = self.grid.tile_shift & 31;
        let tile = (y >> shift) as usize * self.grid.columns as usize + (x >> shift) as usize;
        let entry = TileEntry::of(self.directory, tile)?;
        Some((shift.checked_sub(entry.kx)?, shift.checked_sub(entry.ky)?))
    }

    /// The bucket of a point of a pack of format 2.
    #[inline(always)]
    pub(crate) fn bucket(&self, place: Place) -> Option<Bucket> {
        self.record(self.word(place)?)
    }

    #[inline(never)]
    fn find_first(&self, (x, y): Place) -> Option<CellHandle> {
        let grid = &self.grid;
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
        if handle.county() == 0 {
            return self.county?.cell_of(handle.low());
        }
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
        let key = |entry: &[u8]| u32_at(entry, 0).unwrap_or(0);
        match self.format {
            PackFormat::First => {
                let cells = self.cells.as_chunks::<CELL_LEN>().0;
                cells.binary_search_by_key(&handle.0, |c| key(c)).ok()
            }
            PackFormat::Second => {
                let cells = self.cells.as_chunks::<ENTRY_LEN>().0;
                cells.binary_search_by_key(&handle.0, |c| key(c)).ok()
            }
        }
    }
}
