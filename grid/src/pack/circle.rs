//! Counts the sample points of an accuracy circle by cell.
//!
//! The samples lie on columns and rows, and a bucket's borders decide all samples in it: along a column, only the first
//! row above each border matters. So the answer for each sample is that of a lookup, at the cost of one decision for a
//! border and a column instead of one for a border and a sample.

use protocol::geo::PointE7;

use super::format::PackFormat;
use super::read::Pack;
use super::record::CellHandle;
use super::second::{Place, Polyline, low};
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
pub(crate) struct CircleSamples {
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

impl CircleSamples {
    pub(crate) fn around(centre: Pt, radius_m: f64) -> Self {
        let frame = LocalFrame::new(centre);
        let part = |k: i32| f64::from(2 * k + 1 - ACROSS) / f64::from(ACROSS) * radius_m;
        let place = |k: i32| {
            frame.point(Metres {
                x: part(k),
                y: part(k),
            })
        };
        let (mut xs, mut ys) = ([0; COLUMNS], [0; COLUMNS]);
        for (k, (x, y)) in (0..ACROSS / 2).zip(xs.iter_mut().zip(&mut ys)) {
            let at = place(k);
            (*x, *y) = (at.x, at.y);
        }
        // The other half is as far on the other side, because rounding is symmetric; unless a number ended at its limit.
        if radius_m < 100_000.0 {
            for (all, centre) in [(&mut xs, centre.x), (&mut ys, centre.y)] {
                let (low, high) = all.split_at_mut(COLUMNS / 2);
                for (low, high) in low.iter().zip(high.iter_mut().rev()) {
                    *high = centre.wrapping_mul(2).wrapping_sub(*low);
                }
            }
        } else {
            for (k, (x, y)) in (0..ACROSS).zip(xs.iter_mut().zip(&mut ys)).skip(COLUMNS / 2) {
                let at = place(k);
                (*x, *y) = (at.x, at.y);
            }
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

/// A range of sample columns or rows in one bucket.
type Span = std::ops::Range<usize>;

/// The columns or the rows as distances from the corner of the pack, ascending.
struct Axis {
    at: [u32; COLUMNS],
    /// Steps for each unit of distance, in units of 2^-32.
    steps: u64,
}

impl Axis {
    fn new(samples: &[i32; COLUMNS], origin: i32) -> Self {
        let at = samples.each_ref().map(|v| v.wrapping_sub(origin).cast_unsigned());
        let [first, .., last] = at;
        Self {
            at,
            steps: (63 << 32) / u64::from(last.wrapping_sub(first).max(1)),
        }
    }

    fn get(&self, k: usize) -> Option<u32> {
        self.at.get(k).copied()
    }

    /// Cuts samples into those of the buckets of one size.
    fn spans(&self, shift: u32, within: &Span) -> impl Iterator<Item = Span> {
        let (mut next, end) = (within.start, within.end);
        std::iter::from_fn(move || {
            let first = next;
            let bucket = self.get(first).filter(|_| first < end)? >> shift;
            next = self.first_from((i64::from(bucket) + 1) << shift, &(first + 1..end));
            Some(first..next)
        })
    }

    /// The first of these samples at this distance or beyond it; the end if there is none. It is estimated, since the
    /// samples are evenly spaced but for rounding, and then put right.
    fn first_from(&self, distance: i64, within: &Span) -> usize {
        let [first, .., last] = self.at;
        let steps = (distance - i64::from(first)).clamp(0, i64::from(last.wrapping_sub(first)));
        let estimate = (steps.unsigned_abs() * self.steps) >> 32;
        let mut k = usize::try_from(estimate)
            .unwrap_or(COLUMNS)
            .clamp(within.start, within.end);
        let is_from = |k: usize| self.get(k).is_none_or(|at| i64::from(at) >= distance);
        while k < within.end && !is_from(k) {
            k += 1;
        }
        while k > within.start && is_from(k - 1) {
            k -= 1;
        }
        k
    }
}

/// For each column, the rows at which its samples change cells, and which candidates of their bucket change there.
struct Changes {
    rows: [u64; COLUMNS],
    masks: [[u8; COLUMNS]; COLUMNS],
}

impl Changes {
    fn add(&mut self, column: usize, row: usize, mask: u8) {
        let place = self.masks.get_mut(column).and_then(|masks| masks.get_mut(row));
        if let Some((rows, place)) = self.rows.get_mut(column).zip(place) {
            *rows |= 1 << row;
            *place ^= mask;
        }
    }
}

impl Pack<'_> {
    /// Counts the samples by the borders of the buckets; `None` where that is not possible or does not pay.
    pub(crate) fn hits_by_bucket(&self, samples: &CircleSamples) -> Option<Hits> {
        let grid = &self.grid;
        let (CircleSamples { xs, ys }, [west, .., east], [south, .., north]) =
            (samples, samples.xs, samples.ys);
        // All inside the bounds of the pack.
        let low = self.place(PointE7 {
            lat: south,
            lon: west,
        })?;
        let high = self.place(PointE7 {
            lat: north,
            lon: east,
        })?;
        if self.format == PackFormat::First {
            return None;
        }
        let across = |low: u32, high: u32| ((high - low) >> grid.tile_shift.saturating_sub(4)) + 1;
        if across(low.0, high.0).saturating_mul(across(low.1, high.1)) > MOST_BUCKETS {
            return None;
        }
        let (xs, ys) = (Axis::new(xs, grid.x0), Axis::new(ys, grid.y0));
        let mut hits = Hits::default();
        let mut changes = Changes {
            rows: [0; COLUMNS],
            masks: [[0; COLUMNS]; COLUMNS],
        };
        for tile_columns in xs.spans(grid.tile_shift, &(0..COLUMNS)) {
            for tile_rows in ys.spans(grid.tile_shift, &(0..COLUMNS)) {
                let first = (xs.get(tile_columns.start)?, ys.get(tile_rows.start)?);
                let (sx, sy) = self.bucket_shifts(first)?;
                for columns in xs.spans(sx, &tile_columns) {
                    for rows in ys.spans(sy, &tile_rows) {
                        self.hits_of_bucket((&xs, &columns), (&ys, &rows), &mut changes, &mut hits)?;
                    }
                }
            }
        }
        Some(hits)
    }

    fn hits_of_bucket(
        &self,
        (xs, columns): (&Axis, &Span),
        (ys, rows): (&Axis, &Span),
        changes: &mut Changes,
        hits: &mut Hits,
    ) -> Option<()> {
        let base = (xs.get(columns.start)?, ys.get(rows.start)?);
        let bucket = self.bucket(base)?;
        let line = Polyline::at(self.records, bucket.at)?;
        for (border, mask) in line.rows().filter(|(_, mask)| *mask != 0) {
            changed_by(border, mask, base, (xs, columns), (ys, rows), changes);
        }
        // The last is for samples in no candidate.
        let mut counts = [0usize; 9];
        for column in columns.clone() {
            let first = usize::from(*FIRST_ROWS.get(column)?);
            let (mut from, end) = (rows.start.max(first), rows.end.min(COLUMNS - first));
            if from >= end {
                continue;
            }
            let mut count = |held: u8, rows: usize| {
                if let Some(n) = counts.get_mut(held.trailing_zeros() as usize) {
                    *n += rows;
                }
            };
            let mut held = line.start;
            // The rows of this bucket before the end.
            let mut left =
                *changes.rows.get(column)? & (u64::MAX << rows.start) & (u64::MAX >> (COLUMNS - end));
            let masks = changes.masks.get(column)?;
            while left != 0 {
                let row = left.trailing_zeros() as usize;
                left &= left - 1;
                if row > from {
                    count(held, row - from);
                    from = row;
                }
                held ^= *masks.get(row)?;
            }
            count(held, end - from);
        }
        let [cells @ .., none] = counts.map(|n| u32::try_from(n).unwrap_or_default());
        hits.outside += none;
        for (k, n) in cells.into_iter().enumerate().filter(|(_, n)| *n > 0) {
            hits.add(line.handle(k, bucket.least), n);
        }
        Some(())
    }
}

/// Notes, for each column that a border spans, the first row strictly above it, if it is in the bucket. `base` is the
/// first sample of the bucket.
fn changed_by(
    [ax, ay, bx, by]: [i16; 4],
    mask: u8,
    base: Place,
    (xs, columns): (&Axis, &Span),
    (ys, rows): (&Axis, &Span),
    changes: &mut Changes,
) {
    // The distances of the ends from the base; see the group of a lookup.
    let (x, y) = low(base);
    let a = (i64::from(ax.wrapping_sub(x)), i64::from(ay.wrapping_sub(y)));
    let b = (i64::from(bx.wrapping_sub(x)), i64::from(by.wrapping_sub(y)));
    let (a, b) = if a.0 < b.0 { (a, b) } else { (b, a) };
    let (base_x, base_y) = (i64::from(base.0), i64::from(base.1));
    let first = xs.first_from(base_x + a.0, columns);
    for column in first..columns.end {
        let x = xs.get(column).map_or(i64::MAX, i64::from) - base_x;
        if x >= b.0 {
            break;
        }
        // Above the border: (bx - ax) * (y - ay) > (by - ay) * (x - ax), and bx - ax > 0. The quotient fits 32 bits.
        let last_below = a.1 + quotient((b.1 - a.1) * (x - a.0), b.0 - a.0);
        let row = ys.first_from(base_y + last_below + 1, rows);
        if row < rows.end {
            changes.add(column, row, mask);
        }
    }
}

/// The quotient, rounded down; in 32 bits, which are much faster, if the numbers fit.
fn quotient(a: i64, b: i64) -> i64 {
    match (i32::try_from(a), i32::try_from(b)) {
        (Ok(a), Ok(b)) if b > 0 => i64::from(a.div_euclid(b)),
        _ => a.checked_div_euclid(b).unwrap_or_default(),
    }
}
