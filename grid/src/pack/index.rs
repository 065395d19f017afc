//! Builds the index of a pack: tiles, buckets, records. [`super`] describes the format.

use std::collections::BTreeMap;

use super::block::Block;
use super::error::WriteError;
use super::format::{BLOCK_OFFSET, BLOCK_SHIFT, MAX_EXTENT, TILE_BLOCK, TILE_FULL, WIDE_CANDIDATES};
use super::parts::{BorderRow, BucketContent, RecordParts};
use super::record::CellHandle;
use super::second_write::{Division, SecondIndex};
use crate::geom::{Bounds, Pt, holds, is_below};

/// A cell to be indexed.
pub(crate) struct Shape<'a> {
    pub handle: CellHandle,
    pub ring: &'a [Pt],
    pub bounds: Bounds,
}

/// The three sections of the index and the grid of tiles.
pub(crate) struct PackIndex {
    pub origin: Pt,
    pub width: u32,
    pub height: u32,
    pub tile_shift: u32,
    pub columns: u32,
    pub rows: u32,
    pub directory: Vec<u8>,
    pub words: Vec<u8>,
    pub records: Vec<u8>,
}

/// Tiles of 65,536 units (about 0.5 by 0.7 km in the north of China).
const TILE_SHIFT: u32 = 16;
/// Buckets are divided until none contains more borders than this.
const ROWS_WANTED: usize = 10;
/// Most tiles of the grid, and most tiles of all cells together: some hundred megabytes while the index is built.
const MOST_TILES: u64 = 16_000_000;
/// Finest division: 64 by 64 buckets.
const FINEST: u32 = 6;

/// An edge of a cell in the order of the ring: position of the cell, position of the edge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct EdgeId {
    cell: usize,
    edge: usize,
}

/// Builds the index over the shapes, which are sorted by their handles: of format 1, or of format 2 if divisions are given.
pub(crate) fn build(shapes: &[Shape<'_>], division: Option<Division>) -> Result<PackIndex, WriteError> {
    let bounds =
        Bounds::of(shapes.iter().flat_map(|s| [s.bounds.min, s.bounds.max])).ok_or(WriteError::NoCells)?;
    // If the block of a divided tile exceeds its 15-bit offsets, use smaller tiles everywhere.
    for tile_shift in (10..=TILE_SHIFT).rev() {
        let builder = Builder {
            shapes,
            origin: bounds.min,
            bounds,
            tile_shift,
        };
        if let Some(index) = builder.build(division)? {
            return Ok(index);
        }
    }
    Err(WriteError::TooDense)
}

/// The positions of the cells whose boxes touch each tile.
type CellsByTile = BTreeMap<(u32, u32), Vec<usize>>;

struct Builder<'a> {
    shapes: &'a [Shape<'a>],
    origin: Pt,
    bounds: Bounds,
    tile_shift: u32,
}

impl Builder<'_> {
    fn build(&self, division: Option<Division>) -> Result<Option<PackIndex>, WriteError> {
        let extent = |low: i32, high: i32| {
            u32::try_from(i64::from(high) - i64::from(low) + 1)
                .ok()
                .filter(|e| *e <= MAX_EXTENT)
                .ok_or(WriteError::TooWide)
        };
        let width = extent(self.bounds.min.x, self.bounds.max.x)?;
        let height = extent(self.bounds.min.y, self.bounds.max.y)?;
        let (columns, rows) = (
            width.div_ceil(1 << self.tile_shift),
            height.div_ceil(1 << self.tile_shift),
        );
        if u64::from(columns) * u64::from(rows) > MOST_TILES || self.tiles_of_cells() > MOST_TILES {
            return Err(WriteError::TooWide);
        }
        let in_tiles = self.by_tile();
        let tiles = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
        let sections = match division {
            None => self.first(tiles, &in_tiles)?,
            Some(division) => self.second(tiles, &in_tiles, division)?,
        };
        Ok(sections.map(|[directory, words, records]| PackIndex {
            origin: self.origin,
            width,
            height,
            tile_shift: self.tile_shift,
            columns,
            rows,
            directory,
            words,
            records,
        }))
    }

    /// The sections of format 1; `None` if a tile exceeds its offsets.
    fn first(
        &self,
        tiles: impl Iterator<Item = (u32, u32)>,
        in_tiles: &CellsByTile,
    ) -> Result<Option<[Vec<u8>; 3]>, WriteError> {
        let (mut directory, mut words, mut records) = (Vec::new(), Vec::new(), Vec::new());
        for tile in tiles {
            let word = match in_tiles.get(&tile) {
                None => 0,
                Some(cells) => match self.tile(tile, cells)? {
                    None => return Ok(None),
                    Some(Tile::Same(None)) => 0,
                    Some(Tile::Same(Some(h))) => TILE_FULL | h.0,
                    Some(Tile::Block {
                        k,
                        words: own,
                        records: of_own,
                    }) => {
                        let offset = u32::try_from(words.len() / 4).ok().filter(|o| *o <= BLOCK_OFFSET);
                        let at = u32::try_from(records.len() / 4).map_err(|_| WriteError::TooLarge)?;
                        words.extend(at.to_le_bytes());
                        words.extend(own.iter().flat_map(|w| w.to_le_bytes()));
                        words.resize(words.len().next_multiple_of(4), 0);
                        records.extend(of_own);
                        TILE_BLOCK | k << BLOCK_SHIFT | offset.ok_or(WriteError::TooLarge)?
                    }
                },
            };
            directory.extend_from_slice(&word.to_le_bytes());
        }
        Ok(Some([directory, words, records]))
    }

    /// The sections of format 2; `None` if a tile exceeds its offsets.
    fn second(
        &self,
        tiles: impl Iterator<Item = (u32, u32)>,
        in_tiles: &CellsByTile,
        division: Division,
    ) -> Result<Option<[Vec<u8>; 3]>, WriteError> {
        let mut index = SecondIndex::new(division);
        for tile in tiles {
            let Some(cells) = in_tiles.get(&tile) else {
                index.same(None)?;
                continue;
            };
            let square = self.square(tile, (0, 0), (0, 0));
            let borders = self.touching(&square, cells, None);
            if borders.is_empty() {
                index.same(self.owner(cells, square.min))?;
                continue;
            }
            let spread = |k| self.spread(tile, k, &borders);
            let rows =
                |spread: &Vec<Vec<EdgeId>>| spread.iter().map(|b| b.len().div_ceil(2)).collect::<Vec<_>>();
            let k = division.choose(|k| rows(&spread(k)));
            let mut contents = Vec::new();
            for (bucket, borders) in (0..1 << k.1)
                .flat_map(|by| (0..1 << k.0).map(move |bx| (bx, by)))
                .zip(spread(k))
            {
                let square = self.square(tile, k, bucket);
                let near = cells.iter().copied().filter(|&c| self.meets(c, &square));
                let corner = (
                    i64::from(square.min.x) - i64::from(self.origin.x),
                    i64::from(square.min.y) - i64::from(self.origin.y),
                );
                contents.push((corner, self.bucket(&square, &near.collect::<Vec<_>>(), &borders)?));
            }
            let size = (1i64 << (self.tile_shift - k.0), 1i64 << (self.tile_shift - k.1));
            if !index.block(k, size, &contents)? {
                return Ok(None);
            }
        }
        index.finish().map(Some)
    }

    /// The borders that touch each bucket of a tile.
    fn spread(&self, tile: (u32, u32), k: (u32, u32), borders: &[EdgeId]) -> Vec<Vec<EdgeId>> {
        let mut out = vec![Vec::new(); 1 << (k.0 + k.1)];
        let tile_square = self.square(tile, (0, 0), (0, 0));
        let at = |v: i32, low: i32, k: u32| {
            let v = (i64::from(v) - i64::from(low)).clamp(0, (1 << self.tile_shift) - 1);
            u32::try_from(v).unwrap_or_default() >> (self.tile_shift - k)
        };
        for &id in borders {
            let Some((a, b)) = self.edge(id) else { continue };
            let low = tile_square.min;
            for by in at(a.y.min(b.y), low.y, k.1)..=at(a.y.max(b.y), low.y, k.1) {
                for bx in at(a.x.min(b.x), low.x, k.0)..=at(a.x.max(b.x), low.x, k.0) {
                    if self.square(tile, k, (bx, by)).is_touched_by(a, b)
                        && let Some(bucket) = out.get_mut(((by << k.0) + bx) as usize)
                    {
                        bucket.push(id);
                    }
                }
            }
        }
        out
    }

    /// Tiles that the bounding boxes of the cells intersect, counted before a table is made of them.
    fn tiles_of_cells(&self) -> u64 {
        let across = |a: i32, b: i32| (u64::from(a.abs_diff(b)) >> self.tile_shift) + 1;
        let of = |b: &Bounds| across(b.min.x, b.max.x) * across(b.min.y, b.max.y);
        self.shapes.iter().map(|s| of(&s.bounds)).sum()
    }

    /// Positions of the cells whose bounding box intersects each tile.
    fn by_tile(&self) -> CellsByTile {
        let mut out = CellsByTile::new();
        let at = |v: i32, o: i32| {
            u32::try_from((i64::from(v) - i64::from(o)) >> self.tile_shift).unwrap_or_default()
        };
        for (k, s) in self.shapes.iter().enumerate() {
            for row in at(s.bounds.min.y, self.origin.y)..=at(s.bounds.max.y, self.origin.y) {
                for column in at(s.bounds.min.x, self.origin.x)..=at(s.bounds.max.x, self.origin.x) {
                    out.entry((column, row)).or_default().push(k);
                }
            }
        }
        out
    }

    /// The closed box of integer points of a bucket, when the tile is divided `1 << k.0` by `1 << k.1` times.
    fn square(&self, tile: (u32, u32), k: (u32, u32), bucket: (u32, u32)) -> Bounds {
        let step = |k: u32| 1i64 << (self.tile_shift - k);
        let low = |o: i32, t: u32, b: u32, k: u32| {
            i64::from(o) + (i64::from(t) << self.tile_shift) + i64::from(b) * step(k)
        };
        let (x, y) = (
            low(self.origin.x, tile.0, bucket.0, k.0),
            low(self.origin.y, tile.1, bucket.1, k.1),
        );
        let held = |v: i64| i32::try_from(v).unwrap_or(i32::MAX);
        Bounds {
            min: Pt::new(held(x), held(y)),
            max: Pt::new(held(x + step(k.0) - 1), held(y + step(k.1) - 1)),
        }
    }

    fn touching(&self, square: &Bounds, cells: &[usize], among: Option<&[EdgeId]>) -> Vec<EdgeId> {
        let is_in = |id: &EdgeId| self.edge(*id).is_some_and(|(a, b)| square.is_touched_by(a, b));
        match among {
            Some(ids) => ids.iter().copied().filter(is_in).collect(),
            None => {
                let all = cells.iter().flat_map(|&cell| {
                    let n = self.shapes.get(cell).map_or(0, |s| s.ring.len());
                    (0..n).map(move |edge| EdgeId { cell, edge })
                });
                all.filter(is_in).collect()
            }
        }
    }

    fn edge(&self, id: EdgeId) -> Option<(Pt, Pt)> {
        let ring = self.shapes.get(id.cell)?.ring;
        Some((*ring.get(id.edge)?, *ring.get((id.edge + 1) % ring.len())?))
    }

    fn tile(&self, tile: (u32, u32), cells: &[usize]) -> Result<Option<Tile>, WriteError> {
        let square = self.square(tile, (0, 0), (0, 0));
        let borders = self.touching(&square, cells, None);
        if borders.is_empty() {
            return Ok(Some(Tile::Same(self.owner(cells, square.min))));
        }
        let mut k = 2;
        while k < FINEST && self.most_rows(tile, k, cells, &borders) > ROWS_WANTED {
            k += 1;
        }
        let mut block = Block::default();
        for by in 0..1 << k {
            let borders = self.in_strip(tile, k, by, cells, &borders);
            for bx in 0..1 << k {
                let square = self.square(tile, (k, k), (bx, by));
                let near: Vec<usize> = cells
                    .iter()
                    .copied()
                    .filter(|&c| self.meets(c, &square))
                    .collect();
                let word = match self.bucket(&square, &near, &borders)? {
                    BucketContent::Same(None) => Some(0),
                    BucketContent::Same(Some(h)) => block.whole(h),
                    BucketContent::BucketRecord(r) => block.record(&r),
                };
                let Some(word) = word else { return Ok(None) };
                block.words.push(word);
            }
        }
        Ok(block
            .finish()
            .map(|(words, records)| Tile::Block { k, words, records }))
    }

    fn meets(&self, cell: usize, square: &Bounds) -> bool {
        self.shapes.get(cell).is_some_and(|s| s.bounds.meets(square))
    }

    fn owner(&self, cells: &[usize], p: Pt) -> Option<CellHandle> {
        cells
            .iter()
            .filter_map(|&c| self.shapes.get(c))
            .find(|s| holds(s.ring, p))
            .map(|s| s.handle)
    }

    /// Returns the borders that touch a row of buckets: a prefilter for the borders of each bucket.
    fn in_strip(
        &self,
        tile: (u32, u32),
        k: u32,
        by: u32,
        cells: &[usize],
        borders: &[EdgeId],
    ) -> Vec<EdgeId> {
        let (first, last) = (
            self.square(tile, (k, k), (0, by)),
            self.square(tile, (k, k), ((1 << k) - 1, by)),
        );
        self.touching(
            &Bounds {
                min: first.min,
                max: last.max,
            },
            cells,
            Some(borders),
        )
    }

    fn most_rows(&self, tile: (u32, u32), k: u32, cells: &[usize], borders: &[EdgeId]) -> usize {
        let in_row = |by: u32| {
            let strip = self.in_strip(tile, k, by, cells, borders);
            let rows = move |bx| {
                self.touching(&self.square(tile, (k, k), (bx, by)), cells, Some(&strip))
                    .len()
                    .div_ceil(2)
            };
            (0..1u32 << k).map(rows).max()
        };
        (0..1u32 << k).filter_map(in_row).max().unwrap_or(0)
    }

    fn bucket(
        &self,
        square: &Bounds,
        cells: &[usize],
        borders: &[EdgeId],
    ) -> Result<BucketContent, WriteError> {
        let touching = self.touching(square, cells, Some(borders));
        let mut candidates = Vec::new();
        let mut start = 0u32;
        let mut rows: BTreeMap<[i64; 4], u32> = BTreeMap::new();
        for &cell in cells {
            let Some(shape) = self.shapes.get(cell) else {
                continue;
            };
            let own: Vec<usize> = touching
                .iter()
                .filter(|id| id.cell == cell)
                .map(|id| id.edge)
                .collect();
            let mut starts_inside = holds(shape.ring, square.min);
            if own.is_empty() && !starts_inside {
                continue;
            }
            if candidates.len() == WIDE_CANDIDATES {
                return Err(WriteError::TooManyAtOnePlace(square.min.into()));
            }
            let bit = 1u32 << candidates.len();
            candidates.push(shape.handle);
            for &e in &own {
                let Some((a, b)) = self.edge(EdgeId { cell, edge: e }) else {
                    continue;
                };
                starts_inside ^= is_below(a, b, square.min);
                if a.x != b.x {
                    let (l, r) = if a.x < b.x { (a, b) } else { (b, a) };
                    *rows.entry(relative(square, l, r)).or_default() ^= bit;
                }
                // Where the ring continues below the floor with an edge that is not in this bucket, its parity
                // changes there.
                let n = shape.ring.len();
                for (end, other) in [(a, (e + n - 1) % n), (b, (e + 1) % n)] {
                    let is_under = end.y < square.min.y && square.min.x < end.x && end.x <= square.max.x;
                    if is_under && !own.contains(&other) {
                        let under = square.min.y - 1;
                        let step = relative(square, Pt::new(end.x, under), Pt::new(square.max.x, under));
                        let [ax, ay, bx, by] = step;
                        *rows.entry([ax, ay, bx + 1, by]).or_default() ^= bit;
                    }
                }
            }
            start |= if starts_inside { bit } else { 0 };
        }
        let reach = i64::from(square.max.x) - i64::from(square.min.x);
        let rows: Vec<BorderRow> = rows
            .into_iter()
            .filter(|(r, m)| *m != 0 && r[0] <= reach && r[2] > 0)
            .collect();
        if rows.is_empty() {
            let first = candidates.get(start.trailing_zeros() as usize).copied();
            return Ok(BucketContent::Same(first));
        }
        Ok(BucketContent::BucketRecord(RecordParts {
            start,
            candidates,
            rows,
        }))
    }
}

fn relative(square: &Bounds, a: Pt, b: Pt) -> [i64; 4] {
    let d = |v: i32, o: i32| i64::from(v) - i64::from(o);
    let o = square.min;
    [d(a.x, o.x), d(a.y, o.y), d(b.x, o.x), d(b.y, o.y)]
}

enum Tile {
    Same(Option<CellHandle>),
    Block {
        k: u32,
        words: Vec<u16>,
        records: Vec<u8>,
    },
}
