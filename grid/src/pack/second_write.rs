//! Writes the index of format 2.

use std::collections::BTreeMap;

use super::error::WriteError;
use super::format::NARROW_CANDIDATES;
use super::parts::{BucketContent, RecordParts};
use super::record::CellHandle;
use super::second::{HEAD, KIND_HANDLES, RECORD_UNIT, RECORDS_SLACK, RECORDS_UNIT, TileEntry};

/// How finely tiles are divided, and where records are placed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Division {
    /// A tile is divided until at most one bucket in eight has more borders than this.
    pub rows: usize,
    /// Records do not straddle a cache line, if they fit one.
    pub in_lines: bool,
}

/// Divisions of a tile, the coarsest first: shifts of the number of buckets east and north. A unit of longitude is
/// shorter than one of latitude, so that the buckets of the uneven ones are not longer than wide.
const DIVISIONS: [(u32, u32); 9] = [
    (2, 2),
    (2, 3),
    (3, 3),
    (3, 4),
    (4, 4),
    (4, 5),
    (5, 5),
    (5, 6),
    (6, 6),
];
const FINEST: (u32, u32) = (6, 6);
/// Most borders of any bucket, unless the finest division has more.
const MOST_ROWS: usize = 100;

impl Division {
    /// Returns the coarsest division that is fine enough. `rows` gives the number of borders of each bucket.
    pub(crate) fn choose(&self, rows: impl Fn((u32, u32)) -> Vec<usize>) -> (u32, u32) {
        let is_fine = |k: (u32, u32)| {
            let rows = rows(k);
            let used = rows.iter().filter(|n| **n > 0).count();
            let many = rows.iter().filter(|n| **n > self.rows).count();
            many * 8 <= used && rows.iter().all(|n| *n <= MOST_ROWS)
        };
        let found = DIVISIONS.into_iter().find(|k| is_fine(*k));
        found.unwrap_or(FINEST)
    }
}

/// The sections under construction.
pub(crate) struct SecondIndex {
    division: Division,
    directory: Vec<u8>,
    words: Vec<u8>,
    records: Vec<u8>,
    /// The entries of tiles that lie in one cell or in none.
    same: BTreeMap<Option<CellHandle>, TileEntry>,
    /// Where short records were last placed: those of buckets in one cell are alike in many tiles.
    short: BTreeMap<Vec<u8>, usize>,
}

/// Where the records of a tile are: positions in the section, in the order of the records, and the bytes to add to it.
struct Placed {
    at: Vec<usize>,
    new: Vec<u8>,
}

/// A record without a candidate: outside.
const OUTSIDE: [u8; RECORD_UNIT] = [0; RECORD_UNIT];
const CACHE_LINE: usize = 64;
/// Most bytes of a record that several tiles share.
const SHORT: usize = 8;
/// Farthest that a word reaches from the position of a tile's records.
const REACH: usize = u16::MAX as usize * RECORD_UNIT;

impl SecondIndex {
    pub(crate) fn new(division: Division) -> Self {
        Self {
            division,
            directory: Vec::new(),
            words: Vec::new(),
            records: Vec::new(),
            same: BTreeMap::new(),
            short: BTreeMap::new(),
        }
    }

    /// Adds a tile without a border.
    pub(crate) fn same(&mut self, cell: Option<CellHandle>) -> Result<(), WriteError> {
        if let Some(entry) = self.same.get(&cell) {
            self.directory.extend(entry.bytes().ok_or(WriteError::TooLarge)?);
            return Ok(());
        }
        let least = cell.map_or(0, |h| h.0);
        let record = cell.map_or(Some(OUTSIDE.to_vec()), |h| whole(h, least));
        let entry = self.add((0, 0), least, &[0], &[&record.unwrap_or_default()])?;
        let entry = entry.ok_or(WriteError::TooLarge)?;
        self.same.insert(cell, entry);
        Ok(())
    }

    /// Adds a tile whose words are these records; `None` if a word does not reach one.
    fn add(
        &mut self,
        k: (u32, u32),
        least: u32,
        numbers: &[usize],
        records: &[&[u8]],
    ) -> Result<Option<TileEntry>, WriteError> {
        let placed = if self.division.in_lines {
            self.in_lines(records)
        } else {
            self.one_after_another(records)
        };
        // A tile's records begin at a multiple of this, whatever lies before them.
        let begin = placed.at.iter().min().copied().unwrap_or_default() / RECORDS_UNIT * RECORDS_UNIT;
        let word = |number: &usize| u16::try_from((placed.at.get(*number)? - begin) / RECORD_UNIT).ok();
        let Some(words) = numbers.iter().map(word).collect::<Option<Vec<u16>>>() else {
            return Ok(None);
        };
        let entry = TileEntry {
            words: self.words.len(),
            records: begin,
            least,
            kx: k.0,
            ky: k.1,
        };
        self.directory.extend(entry.bytes().ok_or(WriteError::TooLarge)?);
        self.words.extend(words.iter().flat_map(|w| w.to_le_bytes()));
        self.records.extend(placed.new);
        for (record, at) in records.iter().zip(placed.at).filter(|(r, _)| r.len() <= SHORT) {
            self.short.insert(record.to_vec(), at);
        }
        Ok(Some(entry))
    }

    /// Places records in their order, except that a short one is not written again if one like it is near.
    fn one_after_another(&self, records: &[&[u8]]) -> Placed {
        let begin = self.records.len();
        let all: usize = records.iter().map(|r| r.len()).sum();
        let is_near = |at: &usize| begin + all - at / RECORDS_UNIT * RECORDS_UNIT <= REACH;
        let (mut at, mut new) = (Vec::new(), Vec::new());
        for record in records {
            let before = self.short.get(*record).copied().filter(is_near);
            at.push(before.unwrap_or(begin + new.len()));
            if before.is_none() {
                new.extend_from_slice(record);
            }
        }
        Placed { at, new }
    }

    /// Places records so that none straddles a cache line that it would fit.
    fn in_lines(&self, records: &[&[u8]]) -> Placed {
        let begin = self.records.len().next_multiple_of(RECORDS_UNIT);
        let mut new = vec![0; begin - self.records.len()];
        let (places, bytes) = in_lines(records);
        new.extend(bytes);
        Placed {
            at: places.into_iter().map(|place| begin + place).collect(),
            new,
        }
    }

    /// Adds a tile with borders; false if its records exceed the range of a word. The contents come with the
    /// distances of the bucket's corner from that of the pack; `size` is the size of a bucket.
    pub(crate) fn block(
        &mut self,
        k: (u32, u32),
        size: (i64, i64),
        contents: &[((i64, i64), BucketContent)],
    ) -> Result<bool, WriteError> {
        let handles = contents.iter().flat_map(|(_, content)| match content {
            BucketContent::Same(cell) => cell.iter().map(|h| h.0).min(),
            BucketContent::BucketRecord(parts) => parts.candidates.iter().map(|h| h.0).min(),
        });
        let least = handles.min().unwrap_or_default();
        // Every content once; the words are positions in this list until the records are placed.
        let mut known: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        let mut numbers = Vec::with_capacity(contents.len());
        for (corner, content) in contents {
            let bytes = match content {
                BucketContent::Same(None) => Some(OUTSIDE.to_vec()),
                BucketContent::Same(Some(cell)) => whole(*cell, least),
                BucketContent::BucketRecord(parts) => {
                    narrow(parts, *corner, size, least).or_else(|| parts.wide(*corner))
                }
            };
            let Some(bytes) = bytes else { return Ok(false) };
            let next = known.len();
            numbers.push(*known.entry(bytes).or_insert(next));
        }
        let mut in_order = vec![&[] as &[u8]; known.len()];
        for (bytes, &number) in &known {
            if let Some(place) = in_order.get_mut(number) {
                *place = bytes;
            }
        }
        Ok(self.add(k, least, &numbers, &in_order)?.is_some())
    }

    /// Returns directory, words and records.
    pub(crate) fn finish(mut self) -> Result<[Vec<u8>; 3], WriteError> {
        self.records.resize(self.records.len() + RECORDS_SLACK, 0);
        Ok([self.directory, self.words, self.records])
    }
}

/// Places records so that none straddles a cache line that it would fit: the longest first, each in the fullest line
/// that has room for it.
fn in_lines(records: &[&[u8]]) -> (Vec<usize>, Vec<u8>) {
    let mut order: Vec<usize> = (0..records.len()).collect();
    let len = |k: &usize| records.get(*k).map_or(0, |r| r.len());
    order.sort_by_key(|k| std::cmp::Reverse(len(k)));
    let mut places = vec![0; records.len()];
    let mut lines = 0;
    // Room left in a line, and where that room begins.
    let mut room: BTreeMap<(usize, usize), ()> = BTreeMap::new();
    for k in order {
        let len = len(&k);
        let found = room.range((len, 0)..).next().map(|(line, ())| *line);
        let (left, at) = found.unwrap_or((len.next_multiple_of(CACHE_LINE), lines * CACHE_LINE));
        if found.is_none() {
            lines += len.div_ceil(CACHE_LINE);
        }
        room.remove(&(left, at));
        if let Some(place) = places.get_mut(k) {
            *place = at;
        }
        if left > len {
            room.insert((left - len, at + len), ());
        }
    }
    let mut out = vec![0; lines * CACHE_LINE];
    for (record, &at) in records.iter().zip(&places) {
        if let Some(place) = out.get_mut(at..at + record.len()) {
            place.copy_from_slice(record);
        }
    }
    (places, out)
}

/// The record of a bucket that lies in one cell.
fn whole(cell: CellHandle, least: u32) -> Option<Vec<u8>> {
    encode(1, &[cell], &[], least)
}

/// The narrow record of a bucket; `None` if it has too many candidates or borders, or a difference does not fit 16 bits.
fn narrow(parts: &RecordParts, corner: (i64, i64), size: (i64, i64), least: u32) -> Option<Vec<u8>> {
    if parts.candidates.len() > NARROW_CANDIDATES {
        return None;
    }
    const MOST: i64 = 0x7fff;
    // From either side of the bucket.
    let is_near = |v: i64, size: i64| v >= size - 1 - MOST && v <= MOST;
    let low = |v: i64| {
        let [a, b, ..] = v.to_le_bytes();
        i16::from_le_bytes([a, b])
    };
    let mut borders = Vec::with_capacity(parts.rows.len());
    for ([ax, ay, bx, by], mask) in &parts.rows {
        let are_near =
            [*ax, *bx].iter().all(|x| is_near(*x, size.0)) && [*ay, *by].iter().all(|y| is_near(*y, size.1));
        if !are_near || (bx - ax).abs() > MOST || (by - ay).abs() > MOST {
            return None;
        }
        let vertex = |x: &i64, y: &i64| (low(x + corner.0), low(y + corner.1));
        borders.push((vertex(ax, ay), vertex(bx, by), u8::try_from(*mask).ok()?));
    }
    encode(
        u8::try_from(parts.start).ok()?,
        &parts.candidates,
        &line(borders),
        least,
    )
}

type Vertex = (i16, i16);

/// Orders borders to one line of vertices, each with the mask of the border that leads on from it. Where the line
/// continues at another place, the mask is empty. It begins a piece at a vertex with an odd number of borders, because
/// every piece has to begin or end there; so it has few pieces.
fn line(mut borders: Vec<(Vertex, Vertex, u8)>) -> Vec<(Vertex, u8)> {
    let mut out = Vec::with_capacity(borders.len() + 2);
    while let Some(&(first, ..)) = borders.first() {
        let mut ends: BTreeMap<Vertex, u32> = BTreeMap::new();
        for (a, b, _) in &borders {
            *ends.entry(*a).or_default() += 1;
            *ends.entry(*b).or_default() += 1;
        }
        let mut at = ends.iter().find(|(_, n)| *n % 2 == 1).map_or(first, |(v, _)| *v);
        while let Some(k) = borders.iter().position(|(a, b, _)| *a == at || *b == at) {
            let (a, b, mask) = borders.swap_remove(k);
            out.push((at, mask));
            at = if a == at { b } else { a };
        }
        out.push((at, 0));
    }
    out
}

fn encode(start: u8, candidates: &[CellHandle], line: &[(Vertex, u8)], least: u32) -> Option<Vec<u8>> {
    let near = |h: &CellHandle| u16::try_from(h.0.checked_sub(least)?).ok();
    let distances: Option<Vec<u16>> = candidates.iter().map(near).collect();
    let kind = u8::try_from(candidates.len()).ok()?;
    let mut out = Vec::with_capacity(HEAD + candidates.len() * 4 + line.len() * 5);
    let is_near = distances.is_some();
    out.extend([
        u8::try_from(line.len()).ok()?,
        if is_near { kind } else { kind | KIND_HANDLES },
        start,
    ]);
    match distances {
        Some(distances) => out.extend(distances.iter().flat_map(|d| d.to_le_bytes())),
        None => out.extend(candidates.iter().flat_map(|h| h.0.to_le_bytes())),
    }
    out.extend(line.iter().flat_map(|((x, _), _)| x.to_le_bytes()));
    out.extend(line.iter().flat_map(|((_, y), _)| y.to_le_bytes()));
    let borders = line.len().saturating_sub(1);
    out.extend(line.iter().take(borders).map(|(_, mask)| *mask));
    out.resize(out.len().next_multiple_of(RECORD_UNIT), 0);
    Some(out)
}
