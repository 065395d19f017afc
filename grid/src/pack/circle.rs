//! Counts the sample points of an accuracy circle by cell.
//!
//! The samples lie on columns and rows, and a bucket's borders decide all samples in it: along a column, only the first
//! row above each border matters. So the answer for each sample is that of a lookup, at the cost of one decision for a
//! border and a column instead of one for a border and a sample.

use protocol::geo::PointE7;

use super::format::Format;
use super::read::Pack;
use super::record::CellHandle;
use super::second::{Polyline, low};
use crate::geom::{LocalFrame, Metres, Pt};

/// Sample points across the circle's diameter. 64 give 3,228 points, and shares with an error of about 1 %.
const ACROSS: i32 = 64;
const COLUMNS: usize = 64;
/// A circle over more buckets than this is sampled point by point: most buckets then hold one sample or none.
const MOST_BUCKETS: u32 = 400;

/// Numbers of samples by cell.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    pub cells: Vec<(CellHandle, u32)>,
    pub outside: u32,
}

impl Hits {
    /// One sample.
    pub(crate) fn of(cell: Option<CellHandle>) -> Self {
        let mut hits = Self::default();
        hits.add(cell, 1);
        hits
    }

    pub(crate) fn add(&mut self, cell: Option<CellHandle>, count: u32) {
        let Some(cell) = cell else {
            self.outside += count;
            return;
        };
        match self.cells.iter_mut().find(|(known, _)| *known == cell) {
            Some((_, n)) => *n += count,
            None => self.cells.push((cell, count)),
        }
    }
}

/// The columns and rows of samples, ascending; a column has the samples between two rows.
pub(crate) struct Samples {
    xs: [i32; COLUMNS],
    ys: [i32; COLUMNS],
}

/// The first of the rows of a column; as many are left out at its end.
const FIRST_ROWS: [u8; COLUMNS] = {
    let mut first = [0u8; COLUMNS];
    let mut column = 0;
    while column < COLUMNS {
        // Odd numbers of half steps: the pattern is symmetric, and no sample is on the centre or the rim.
        let across = ACROSS as usize;
        let i = (2 * column + 1).abs_diff(across);
        let mut row = 0usize;
        while i * i + (2 * row + 1).abs_diff(across) * (2 * row + 1).abs_diff(across) > across * across {
            row += 1;
        }
        #[allow(clippy::cast_possible_truncation, clippy::indexing_slicing)]
        {
            first[column] = row as u8;
        }
        column += 1;
    }
    first
};

impl Samples {
    pub(crate) fn around(centre: Pt, radius_m: f64) -> Self {
        let frame = LocalFrame::new(centre);
        let part = |k: i32| f64::from(2 * k + 1 - ACROSS) / f64::from(ACROSS) * radius_m;
        let (mut xs, mut ys) = ([0; COLUMNS], [0; COLUMNS]);
        for (k, (x, y)) in (0..).zip(xs.iter_mut().zip(&mut ys)) {
            let at = frame.point(Metres {
                x: part(k),
                y: part(k),
            });
            (*x, *y) = (at.x, at.y);
        }
        Self { xs, ys }
    }

    /// All samples.
    pub(crate) fn points(&self) -> impl Iterator<Item = PointE7> {
        self.xs.iter().zip(FIRST_ROWS).flat_map(|(&lon, first)| {
            let first = usize::from(first);
            let rows = self.ys.get(first..COLUMNS - first).unwrap_or_default();
            rows.iter().map(move |&lat| PointE7 { lat, lon })
        })
    }
}

/// Lists that are used for every bucket.
#[derive(Default)]
struct Scratch {
    borders: Vec<([i16; 4], u8)>,
    /// Rows at which a column's set of candidates changes, with what changes.
    changes: Vec<(usize, u8)>,
}

/// A range of sample columns or rows in one bucket.
type Span = std::ops::Range<usize>;

/// Cuts the distances of columns or rows from the corner of the pack, which ascend, into the buckets of one size.
fn spans(distances: &[u32; COLUMNS], shift: u32, within: &Span) -> impl Iterator<Item = Span> {
    let mut next = within.start;
    std::iter::from_fn(move || {
        let first = next;
        let bucket = distances.get(first..within.end)?.first()? >> shift;
        let rest = distances.get(first..within.end)?;
        next += rest.iter().take_while(|d| **d >> shift == bucket).count();
        Some(first..next)
    })
}

impl Pack<'_> {
    /// Counts the samples by the borders of the buckets; `None` where that is not possible or does not pay.
    pub(crate) fn hits_by_bucket(&self, samples: &Samples) -> Option<Hits> {
        let grid = &self.grid;
        let (west, east) = (*samples.xs.first()?, *samples.xs.last()?);
        let (south, north) = (*samples.ys.first()?, *samples.ys.last()?);
        // All inside the bounds of the pack.
        let (corner, far) = (
            self.place(PointE7 { lat: south, lon: west })?,
            self.place(PointE7 { lat: north, lon: east })?,
        );
        if self.format == Format::First {
            return None;
        }
        let size = |low: u32, high: u32| ((high - low) >> (grid.tile_shift.saturating_sub(4))) + 1;
        if size(corner.0, far.0).saturating_mul(size(corner.1, far.1)) > MOST_BUCKETS {
            return None;
        }
        let from = |v: &i32, o: i32| v.wrapping_sub(o).cast_unsigned();
        let xs = samples.xs.each_ref().map(|x| from(x, grid.x0));
        let ys = samples.ys.each_ref().map(|y| from(y, grid.y0));
        let (mut hits, mut scratch) = (Hits::default(), Scratch::default());
        for tile_columns in spans(&xs, grid.tile_shift, &(0..COLUMNS)) {
            for tile_rows in spans(&ys, grid.tile_shift, &(0..COLUMNS)) {
                let first = (*xs.get(tile_columns.start)?, *ys.get(tile_rows.start)?);
                let (sx, sy) = self.bucket_shifts(first)?;
                for columns in spans(&xs, sx, &tile_columns) {
                    for rows in spans(&ys, sy, &tile_rows) {
                        self.hits_of_bucket((&xs, &columns), (&ys, &rows), &mut scratch, &mut hits)?;
                    }
                }
            }
        }
        Some(hits)
    }

    fn hits_of_bucket(
        &self,
        (xs, columns): (&[u32; COLUMNS], &Span),
        (ys, rows): (&[u32; COLUMNS], &Span),
        scratch: &mut Scratch,
        hits: &mut Hits,
    ) -> Option<()> {
        let Scratch { borders, changes } = scratch;
        let rows_of = |column: usize| -> Option<Span> {
            let first = usize::from(*FIRST_ROWS.get(column)?);
            let (low, high) = (rows.start.max(first), rows.end.min(COLUMNS - first));
            (low < high).then_some(low..high)
        };
        let bucket = self.bucket((*xs.get(columns.start)?, *ys.get(rows.start)?))?;
        let line = Polyline::at(self.records, bucket.at)?;
        // The last is for samples in no candidate.
        let mut counts = [0u32; 9];
        let mut count = |held: u8, rows: usize| {
            if let (Some(n), Ok(rows)) = (counts.get_mut(held.trailing_zeros() as usize), u32::try_from(rows)) {
                *n += rows;
            }
        };
        borders.clear();
        borders.extend(line.rows().filter(|(_, mask)| *mask != 0));
        for column in columns.clone() {
            let Some(span) = rows_of(column) else { continue };
            changes.clear();
            let x = *xs.get(column)?;
            for (row, mask) in borders.iter() {
                if let Some(at) = first_above(row, x, ys, &span) {
                    changes.push((at, *mask));
                }
            }
            changes.sort_unstable_by_key(|(at, _)| *at);
            let (mut held, mut from) = (line.start, span.start);
            for (at, mask) in changes.iter() {
                count(held, at - from);
                held ^= mask;
                from = *at;
            }
            count(held, span.end - from);
        }
        let [cells @ .., none] = &counts;
        hits.outside += none;
        for (k, n) in cells.iter().enumerate().filter(|(_, n)| **n > 0) {
            hits.add(line.handle(k, bucket.least), *n);
        }
        Some(())
    }
}

/// The first of the rows that is strictly above a border in a column; `None` if the border is not in this column, or not
/// below any of the rows.
fn first_above(border: &[i16; 4], x: u32, ys: &[u32; COLUMNS], rows: &Span) -> Option<usize> {
    let base = *ys.get(rows.start)?;
    let (low_x, low_y) = low((x, base));
    let [ax, ay, bx, by] = *border;
    // The distances of the ends from the first sample of the column; see the group of a lookup.
    let (ax, ay) = (i32::from(ax.wrapping_sub(low_x)), i32::from(ay.wrapping_sub(low_y)));
    let (bx, by) = (i32::from(bx.wrapping_sub(low_x)), i32::from(by.wrapping_sub(low_y)));
    let ((ax, ay), (bx, by)) = if ax < bx { ((ax, ay), (bx, by)) } else { ((bx, by), (ax, ay)) };
    if ax > 0 || bx <= 0 {
        return None;
    }
    // Above the border: (bx - ax) * (y - ay) > (by - ay) * (0 - ax), and bx - ax > 0.
    let last_below = ay + (by - ay).wrapping_mul(-ax).div_euclid(bx - ax);
    let is_below = |y: &u32| y.wrapping_sub(base).cast_signed() <= last_below;
    let rows_of = ys.get(rows.clone())?;
    let at = rows_of.partition_point(is_below);
    (at < rows_of.len()).then_some(rows.start + at)
}
