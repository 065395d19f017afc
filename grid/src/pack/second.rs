//! The index of format 2: tiles and records of buckets. [`super`] describes the layout. No panic for any bytes.
//!
//! A lookup reads three places that depend on each other (tile, word, record) and decides nothing by a branch whose
//! outcome depends on them, except how many groups of eight borders a record has: a processor then works on several
//! lookups at once instead of waiting for each.

use super::record::{BucketRecord, CellHandle, u16_at, u32_at};

/// Bytes of a directory entry.
pub(crate) const TILE_LEN: usize = 12;
/// Largest shift of a tile, and that of all but very dense packs.
pub(crate) const MOST_TILE_SHIFT: u32 = 16;
/// Largest shift of the number of buckets across a tile.
pub(crate) const MOST_DIVISION: u32 = 7;
/// Unit of the position of a tile's records.
#[cfg(feature = "tools")]
pub(crate) const RECORDS_UNIT: usize = 64;
/// Unit of the position of a record among those of its tile.
pub(crate) const RECORD_UNIT: usize = 4;
/// Bytes after the last record: a group of eight borders is read whole, and the rest is ignored.
pub(crate) const RECORDS_SLACK: usize = WINDOW;
/// Bytes that are read of a small record, whatever its length.
const WINDOW: usize = 128;

/// Record head: vertices, kind, start mask.
pub(crate) const HEAD: usize = 3;
/// Kind: number of candidates, and these bits. The bit `RECORD_WIDE` means a wide record of format 1.
pub(crate) const KIND_COUNT: u8 = 0b1111;
/// Candidates are handles (u32) and not distances from the tile's least handle (u16).
pub(crate) const KIND_HANDLES: u8 = 1 << 6;
pub(crate) const KIND_WIDE: u8 = super::format::RECORD_WIDE;

/// A directory entry: position of the words in bytes, of the records in bytes, the least handle, and the divisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TileEntry {
    pub words: usize,
    pub records: usize,
    pub least: u32,
    /// The tile has `1 << kx` by `1 << ky` buckets.
    pub kx: u32,
    pub ky: u32,
}

impl TileEntry {
    /// Reads the entry of the tile of this number.
    #[inline(always)]
    pub(crate) fn of(directory: &[u8], tile: usize) -> Option<Self> {
        let bytes: &[u8; TILE_LEN] = directory.get(tile * TILE_LEN..)?.first_chunk()?;
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
        // Records begin at multiples of 64, which leaves six bits.
        let records = u32::from_le_bytes([e, f, g, h]);
        Some(Self {
            words: u32::from_le_bytes([a, b, c, d]) as usize,
            records: (records & !63) as usize,
            least: u32::from_le_bytes([i, j, k, l]),
            kx: records & 7,
            ky: (records >> 3) & 7,
        })
    }

    #[cfg(feature = "tools")]
    pub(crate) fn bytes(&self) -> Option<[u8; TILE_LEN]> {
        let [a, b, c, d] = u32::try_from(self.words).ok()?.to_le_bytes();
        let records = u32::try_from(self.records).ok()? | self.kx | self.ky << 3;
        let [e, f, g, h] = records.to_le_bytes();
        let [i, j, k, l] = self.least.to_le_bytes();
        Some([a, b, c, d, e, f, g, h, i, j, k, l])
    }
}

/// A point of the pack: its distances from the corner.
pub(crate) type Place = (u32, u32);

/// Where a bucket is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// Position of the word among the words, then of the record among the records.
    pub at: usize,
    pub records: usize,
    pub least: u32,
}

impl Bucket {
    /// Outside every tile.
    pub(crate) const NOWHERE: Self = Self {
        at: usize::MAX / 2,
        records: 0,
        least: 0,
    };
}

impl TileEntry {
    /// The bucket of a point, with the place of its word.
    #[inline(always)]
    pub(crate) fn bucket(&self, tile_shift: u32, (x, y): Place) -> Bucket {
        let in_tile = 1u32.wrapping_shl(tile_shift).wrapping_sub(1);
        let number = |v: u32, k: u32| ((v & in_tile) << k).wrapping_shr(tile_shift);
        Bucket {
            at: self.words + ((number(y, self.ky) << self.kx) + number(x, self.kx)) as usize * 2,
            records: self.records,
            least: self.least,
        }
    }
}

/// A record whose head was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Polyline<'a> {
    /// From the record on.
    bytes: &'a [u8],
    pub vertices: usize,
    pub candidates: usize,
    pub start: u8,
    /// Bytes of a candidate.
    width: usize,
    xs: usize,
}

/// Borders that are decided together.
const LANES: usize = 8;

impl<'a> Polyline<'a> {
    /// Reads the head of a record; `None` beyond the end, and for a wide record.
    #[inline]
    pub(crate) fn at(records: &'a [u8], at: usize) -> Option<Self> {
        let bytes = records.get(at..)?;
        let &[vertices, kind, start] = bytes.first_chunk::<HEAD>()?;
        if kind & KIND_WIDE != 0 {
            return None;
        }
        let width = if kind & KIND_HANDLES != 0 { 4 } else { 2 };
        let candidates = usize::from(kind & KIND_COUNT);
        Some(Self {
            bytes,
            vertices: usize::from(vertices),
            candidates,
            start,
            width,
            xs: HEAD + candidates * width,
        })
    }

    /// Bytes of the record.
    pub(crate) fn len(&self) -> usize {
        self.xs + self.vertices * 4 + self.borders()
    }

    /// Number of borders: the vertices are one line.
    pub(crate) fn borders(&self) -> usize {
        self.vertices.saturating_sub(1)
    }

    /// Returns the handle of a candidate.
    #[inline]
    pub(crate) fn handle(&self, position: usize, least: u32) -> Option<CellHandle> {
        let at = HEAD + position * self.width;
        if self.width == 2 {
            Some(CellHandle(least.wrapping_add(u32::from(u16_at(self.bytes, at)?))))
        } else {
            u32_at(self.bytes, at).map(CellHandle)
        }
    }

    /// Returns the set of candidates that contain the point; `None` beyond the end.
    #[inline]
    pub(crate) fn holders(&self, x: i16, y: i16) -> Option<u8> {
        Some(self.start ^ toggled(self.bytes.get(self.xs..)?, self.vertices, (x, y))?)
    }

    /// The borders as the lowest 16 bits of the ends' distances from the corner of the pack, each with the candidates
    /// whose inside it toggles.
    pub(crate) fn rows(&self) -> impl Iterator<Item = ([i16; 4], u8)> + use<'a> {
        let (bytes, xs) = (self.bytes, self.xs);
        let ys = xs + self.vertices * 2;
        let masks = ys + self.vertices * 2;
        let at = move |at: usize| u16_at(bytes, at).map(u16::cast_signed);
        (0..self.borders()).filter_map(move |k| {
            let row = [
                at(xs + k * 2)?,
                at(ys + k * 2)?,
                at(xs + k * 2 + 2)?,
                at(ys + k * 2 + 2)?,
            ];
            Some((row, *bytes.get(masks + k)?))
        })
    }

    /// Returns true if the head and the masks agree with each other.
    pub(crate) fn is_sound(&self) -> bool {
        let known = u8::try_from((1u32 << self.candidates.min(8)) - 1).unwrap_or(u8::MAX);
        self.candidates <= super::format::NARROW_CANDIDATES
            && self.bytes.len() >= self.len() + RECORDS_SLACK
            && self.start & !known == 0
            && self.rows().count() == self.borders()
            && self.rows().all(|(_, mask)| mask & !known == 0)
    }
}

/// Decides all groups of a line of so many vertices; `None` beyond the end.
#[inline(never)]
fn toggled(line: &[u8], vertices: usize, point: (i16, i16)) -> Option<u8> {
    let (xs, ys, masks) = (line, line.get(vertices * 2..)?, line.get(vertices * 4..)?);
    fn ends(from: &[u8]) -> Option<(&[Numbers], &[Numbers])> {
        Some((from.as_chunks().0, from.get(2..)?.as_chunks().0))
    }
    let ((ax, bx), (ay, by)) = (ends(xs)?, ends(ys)?);
    let mut left = i16::try_from(vertices).ok()?.wrapping_sub(1);
    let groups = vertices.saturating_sub(1).div_ceil(LANES);
    let mut toggled = 0;
    let all = ax.iter().zip(bx).zip(ay.iter().zip(by)).zip(masks.as_chunks().0);
    for (((ax, bx), (ay, by)), masks) in all.take(groups) {
        toggled ^= group((ax, ay), (bx, by), masks, left, point);
        left = left.wrapping_sub(8);
    }
    Some(toggled)
}

type Numbers = [u8; LANES * 2];

/// Returns which candidates change between inside and outside at the borders of a group that are strictly below the
/// point: `left` borders with these ends and masks. Half-open in x, like [`crate::geom::is_below`].
///
/// The loops have a constant length and no branch, so that the compiler makes vector instructions of them. Both callers
/// are functions of their own, because it does not when this is part of a larger one.
#[inline(always)]
fn group(
    (ax, ay): (&Numbers, &Numbers),
    (bx, by): (&Numbers, &Numbers),
    masks: &[u8; LANES],
    left: i16,
    (x, y): (i16, i16),
) -> u8 {
    // Only the lowest 16 bits of all coordinates are known. The differences are right all the same, because the writer
    // takes another kind of record when one of them would not fit.
    let from = |v: i16, ends: &Numbers| numbers(ends).map(|end| v.wrapping_sub(end));
    let (ax, ay, bx, by) = (from(x, ax), from(y, ay), from(x, bx), from(y, by));
    let mut sides = [0i32; LANES];
    for (side, ((ax, bx), (ay, by))) in sides.iter_mut().zip(ax.iter().zip(&bx).zip(ay.iter().zip(&by))) {
        let product = |a: i16, b: i16| i32::from(a).wrapping_mul(i32::from(b));
        *side = product(ax.wrapping_sub(*bx), *ay).wrapping_sub(product(ay.wrapping_sub(*by), *ax));
    }
    let all = |is_so: bool| u16::from(is_so).wrapping_neg();
    let mut toggled = [0u16; LANES];
    let borders = ax.iter().zip(&bx).zip(sides.iter().zip(masks)).zip(0i16..);
    for (toggled, (((ax, bx), (side, mask)), number)) in toggled.iter_mut().zip(borders) {
        let (from, to) = (all(*ax >= 0), all(*bx >= 0));
        // A border that runs west has its upper side on the right.
        let is_above = (from & all(*side > 0)) | (!from & all(*side < 0));
        *toggled = (from ^ to) & is_above & all(number < left) & u16::from(*mask);
    }
    toggled.iter().fold(0, |a, b| a ^ b).to_le_bytes()[0]
}

#[inline(always)]
fn numbers(bytes: &[u8; LANES * 2]) -> [i16; LANES] {
    let mut out = [0; LANES];
    for (v, pair) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *v = i16::from_le_bytes(*pair);
    }
    out
}

/// Returns the cell of a point whose bucket and record are known, the lowest code where several contain it.
#[inline(always)]
pub(crate) fn cell_of_bucket(records: &[u8], bucket: Bucket, place: Place) -> Option<CellHandle> {
    let window: &[u8; WINDOW] = records.get(bucket.at..)?.first_chunk()?;
    let [vertices, kind, ..] = *window;
    if (usize::from(vertices) > LANES + 1) | (kind > KIND_COUNT) {
        return cell_of_large(records, bucket, place);
    }
    let (x, y) = low(place);
    let distance = small(window, x, y);
    (distance != NOWHERE).then(|| CellHandle(bucket.least.wrapping_add(distance)))
}

/// The lowest 16 bits of the distances.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "as said")]
pub(crate) fn low((x, y): Place) -> (i16, i16) {
    (x as i16, y as i16)
}

#[inline(never)]
fn cell_of_large(records: &[u8], bucket: Bucket, place: Place) -> Option<CellHandle> {
    let Some(line) = Polyline::at(records, bucket.at) else {
        return wide(records, bucket, place);
    };
    let (x, y) = low(place);
    let held = line.holders(x, y)?;
    if held == 0 {
        return None;
    }
    line.handle(held.trailing_zeros() as usize, bucket.least)
}

/// No candidate contains the point.
const NOWHERE: u32 = u32::MAX;

/// The distance of the cell from the tile's least handle, from a record of one group, whose candidates are distances.
/// All positions are below 64 by construction, and taken so: then no read needs a check.
#[inline(never)]
fn small(window: &[u8; WINDOW], x: i16, y: i16) -> u32 {
    fn part<const N: usize>(window: &[u8; WINDOW], at: usize) -> &[u8; N] {
        window
            .get(at % 64..)
            .and_then(|w| w.first_chunk())
            .unwrap_or(&[0; N])
    }
    let [vertices, kind, start, ..] = *window;
    let xs = HEAD + usize::from(kind) * 2;
    let ys = xs + usize::from(vertices) * 2;
    let masks = ys + usize::from(vertices) * 2;
    let held = start
        ^ group(
            (part(window, xs), part(window, ys)),
            (part(window, xs + 2), part(window, ys + 2)),
            part(window, masks),
            i16::from(vertices) - 1,
            (x, y),
        );
    if held == 0 {
        return NOWHERE;
    }
    u32::from(u16::from_le_bytes(*part(
        window,
        HEAD + held.trailing_zeros() as usize * 2,
    )))
}

/// The cell of a wide record, whose coordinates are distances from the corner of the pack.
#[cold]
fn wide(records: &[u8], bucket: Bucket, (x, y): Place) -> Option<CellHandle> {
    let record = BucketRecord::at(records, bucket.at).filter(|r| r.is_wide)?;
    let held = record.holders(x.cast_signed(), y.cast_signed());
    if held == 0 {
        return None;
    }
    record.handle(held.trailing_zeros())
}
