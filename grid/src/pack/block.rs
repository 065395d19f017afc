//! Writes the tiles and records of format 1, and the wide records of both formats.

use std::collections::BTreeMap;

use super::format::{NARROW_CANDIDATES, NARROW_LIMIT, RECORD_WIDE, WORD_RECORD};
use super::parts::{BorderRow, RecordParts};
use super::record::CellHandle;

impl RecordParts {
    /// The bytes of the record, padded to four; `None` when it has more rows than the format can count.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        self.of_width(
            self.candidates.len() <= NARROW_CANDIDATES
                && self
                    .rows
                    .iter()
                    .flat_map(|(r, _)| r)
                    .all(|v| (-NARROW_LIMIT..=NARROW_LIMIT).contains(v)),
        )
    }

    /// A wide record whose coordinates are distances from the corner of the pack instead of the bucket's.
    pub(crate) fn wide(&self, corner: (i64, i64)) -> Option<Vec<u8>> {
        let (x, y) = corner;
        let moved = |([ax, ay, bx, by], mask): &BorderRow| ([ax + x, ay + y, bx + x, by + y], *mask);
        let moved = Self {
            start: self.start,
            candidates: self.candidates.clone(),
            rows: self.rows.iter().map(moved).collect(),
        };
        moved.of_width(false)
    }

    fn of_width(&self, is_narrow: bool) -> Option<Vec<u8>> {
        let count = u8::try_from(self.rows.len()).ok()?;
        let kind = u8::try_from(self.candidates.len()).ok()? | if is_narrow { 0 } else { RECORD_WIDE };
        let mut out = vec![count, kind];
        if is_narrow {
            out.extend([u8::try_from(self.start).ok()?, 0]);
        } else {
            out.extend([0, 0]);
            out.extend(self.start.to_le_bytes());
        }
        out.extend(self.candidates.iter().flat_map(|h| h.0.to_le_bytes()));
        for v in self.rows.iter().flat_map(|(r, _)| r) {
            if is_narrow {
                out.extend(i16::try_from(*v).ok()?.to_le_bytes());
            } else {
                out.extend(i32::try_from(*v).ok()?.to_le_bytes());
            }
        }
        for (_, mask) in &self.rows {
            if is_narrow {
                out.push(u8::try_from(*mask).ok()?);
            } else {
                out.extend(mask.to_le_bytes());
            }
        }
        out.resize(out.len().next_multiple_of(4), 0);
        Some(out)
    }
}

/// The words and records of a tile under construction. Records are addressed relative to the table of handles, which
/// also grows, so the positions are computed at the end.
#[derive(Default)]
pub(crate) struct Block {
    pub words: Vec<u16>,
    handles: Vec<CellHandle>,
    records: Vec<Vec<u8>>,
    known: BTreeMap<Vec<u8>, u16>,
}

const CACHE_LINE: usize = 64;

impl Block {
    pub(crate) fn whole(&mut self, handle: CellHandle) -> Option<u16> {
        let at = self.handles.iter().position(|h| *h == handle).unwrap_or_else(|| {
            self.handles.push(handle);
            self.handles.len() - 1
        });
        u16::try_from(at + 1).ok().filter(|w| w & WORD_RECORD == 0)
    }

    /// Adds a record. Its word is its number until [`Self::finish`].
    pub(crate) fn record(&mut self, parts: &RecordParts) -> Option<u16> {
        let bytes = parts.bytes()?;
        if let Some(word) = self.known.get(&bytes) {
            return Some(*word);
        }
        let word = u16::try_from(self.records.len())
            .ok()
            .filter(|w| w & WORD_RECORD == 0)?
            | WORD_RECORD;
        self.known.insert(bytes.clone(), word);
        self.records.push(bytes);
        Some(word)
    }

    /// Returns words, and table with records; `None` when they exceed the range of their offsets.
    pub(crate) fn finish(self) -> Option<(Vec<u16>, Vec<u8>)> {
        let mut out: Vec<u8> = self.handles.iter().flat_map(|h| h.0.to_le_bytes()).collect();
        let mut placed = Vec::with_capacity(self.records.len());
        for record in self.records {
            let left = CACHE_LINE - out.len() % CACHE_LINE;
            if record.len() > left && record.len() <= CACHE_LINE {
                out.resize(out.len() + left, 0);
            }
            let word = u16::try_from(out.len() / 4)
                .ok()
                .filter(|w| w & WORD_RECORD == 0)?;
            placed.push(word | WORD_RECORD);
            out.extend(record);
        }
        out.resize(out.len().next_multiple_of(CACHE_LINE), 0);
        let place = |w: u16| {
            if w & WORD_RECORD == 0 {
                Some(w)
            } else {
                placed.get(usize::from(w & !WORD_RECORD)).copied()
            }
        };
        Some((self.words.into_iter().map(place).collect::<Option<_>>()?, out))
    }
}
