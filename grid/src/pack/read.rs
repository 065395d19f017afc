//! Opens a pack: validates everything once, so that later queries cannot fail because of bad bytes.

use std::ops::Range;
use std::str::FromStr;

use protocol::codes::{CountyCode, GridVersion};
use protocol::geo::Datum;
use sha2::{Digest, Sha256};

use super::error::PackError;
use super::format::{
    BLOCK_OFFSET, BLOCK_SHIFT, CELL_LEN, COUNTY_LEN, FORMAT_VERSION, HASHED_FROM, HEADER_LEN, MAGIC,
    MAX_EXTENT, SECTIONS, TILE_BLOCK, TILE_FULL, TILE_TAG, WORD_RECORD, WORDS_HEAD,
};
use super::record::{BucketRecord, CellHandle, i32_at, u16_at, u32_at};

/// The description of the grid in its pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackMeta {
    /// Version of the grid, such as `220104.1`.
    pub grid_version: GridVersion,
    /// Datum of the coordinates in the pack. Always WGS-84 in format 1.
    pub datum: Datum,
    /// Datum of the source outlines before their one conversion on input.
    pub source_datum: Datum,
    /// True if the source datum was verified.
    pub source_datum_verified: bool,
    /// The county (县级区划), when all cells are in one.
    pub county: Option<CountyCode>,
    /// SHA-256 (hex) of the GeoJSON that was packed.
    pub source_sha256: String,
    /// Origin of the borders of streets, communities and cells as stated by the source: `cut` means generated and not
    /// surveyed, which every map must state.
    pub borders: String,
}

impl PackMeta {
    fn parse(bytes: &[u8]) -> Result<Self, PackError> {
        let text = std::str::from_utf8(bytes).map_err(|_| PackError::Corrupt("metadata is not text"))?;
        let value = |key: &'static str| {
            text.lines()
                .find_map(|l| l.split_once('=').filter(|(k, _)| *k == key).map(|(_, v)| v))
                .ok_or(PackError::Corrupt("metadata is incomplete"))
        };
        let datum = |key| match value(key)? {
            "WGS-84" => Ok(Datum::Wgs84),
            "GCJ-02" => Ok(Datum::Gcj02),
            "BD-09" => Ok(Datum::Bd09),
            _ => Err(PackError::Corrupt("unknown datum")),
        };
        if datum("datum")? != Datum::Wgs84 {
            return Err(PackError::Corrupt("a pack of format 1 holds WGS-84"));
        }
        let county = value("county")?;
        Ok(Self {
            grid_version: GridVersion(value("grid_version")?.to_owned()),
            datum: Datum::Wgs84,
            source_datum: datum("source_datum")?,
            source_datum_verified: value("source_datum_verified")? == "yes",
            county: match county {
                "" => None,
                code => Some(CountyCode::from_str(code).map_err(|_| PackError::Corrupt("county code"))?),
            },
            source_sha256: value("source_sha256")?.to_owned(),
            borders: value("borders")?.to_owned(),
        })
    }
}

/// The grid of tiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TileGrid {
    pub x0: i32,
    pub y0: i32,
    pub width: u32,
    pub height: u32,
    pub tile_shift: u32,
    pub columns: u32,
    pub rows: u32,
}

#[derive(Clone, Debug)]
struct Layout {
    grid: TileGrid,
    sections: [Range<usize>; SECTIONS],
}

/// A validated view of the bytes of a pack. It is cheap to copy, borrows the bytes and allocates nothing.
#[derive(Clone, Copy, Debug)]
pub struct Pack<'a> {
    pub(crate) grid: TileGrid,
    pub(crate) counties: &'a [u8],
    pub(crate) directory: &'a [u8],
    pub(crate) words: &'a [u8],
    pub(crate) records: &'a [u8],
    pub(crate) cells: &'a [u8],
    pub(crate) vertices: &'a [u8],
    pub(crate) neighbours: &'a [u8],
    pub(crate) units: &'a [u8],
    meta: &'a [u8],
}

/// A pack that owns its bytes (a `Vec`, a memory map, an `Arc<[u8]>`): validated once, viewed any number of times.
#[derive(Clone, Debug)]
pub struct PackBuf<B> {
    bytes: B,
    layout: Layout,
    meta: PackMeta,
}

impl<B: AsRef<[u8]>> PackBuf<B> {
    /// Validates all bytes, as [`Pack::open`] does, and takes them.
    pub fn open(bytes: B) -> Result<Self, PackError> {
        let layout = Layout::read(bytes.as_ref())?;
        let meta = layout.view(bytes.as_ref()).validate()?;
        Ok(Self { bytes, layout, meta })
    }

    /// Returns a view for queries.
    pub fn view(&self) -> Pack<'_> {
        self.layout.view(self.bytes.as_ref())
    }

    /// Returns the description of the grid.
    pub fn meta(&self) -> &PackMeta {
        &self.meta
    }

    /// Returns the bytes unchanged.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

impl Layout {
    fn read(bytes: &[u8]) -> Result<Self, PackError> {
        if bytes.get(..8) != Some(MAGIC.as_slice()) {
            return Err(PackError::NotAPack);
        }
        let found = u16_at(bytes, 8).ok_or(PackError::NotAPack)?;
        if found != FORMAT_VERSION {
            return Err(PackError::Version { found });
        }
        let expected = u32_at(bytes, 12).ok_or(PackError::NotAPack)? as usize;
        if expected != bytes.len() || expected < HEADER_LEN {
            return Err(PackError::Length {
                found: bytes.len(),
                expected,
            });
        }
        let (head, hashed) = bytes.split_at_checked(HASHED_FROM).ok_or(PackError::NotAPack)?;
        if head.get(16..) != Some(Sha256::digest(hashed).as_slice()) {
            return Err(PackError::Hash);
        }
        let word = |at| u32_at(bytes, at).ok_or(PackError::Corrupt("header"));
        let corner = |at| i32_at(bytes, at).ok_or(PackError::Corrupt("header"));
        if u16_at(bytes, 10) != u16::try_from(SECTIONS).ok() {
            return Err(PackError::Corrupt("number of sections"));
        }
        let grid = TileGrid {
            x0: corner(48)?,
            y0: corner(52)?,
            width: word(56)?,
            height: word(60)?,
            tile_shift: word(64)?,
            columns: word(68)?,
            rows: word(72)?,
        };
        let tiles = |extent: u32| extent.div_ceil(1 << grid.tile_shift);
        if grid.width > MAX_EXTENT
            || grid.height > MAX_EXTENT
            || !(8..=20).contains(&grid.tile_shift)
            || grid.columns != tiles(grid.width)
            || grid.rows != tiles(grid.height)
        {
            return Err(PackError::Corrupt("grid of tiles"));
        }
        let mut sections: [Range<usize>; SECTIONS] = Default::default();
        let mut end = HEADER_LEN;
        for (k, section) in sections.iter_mut().enumerate() {
            let (offset, len) = (word(76 + k * 8)? as usize, word(80 + k * 8)? as usize);
            if offset < end
                || !offset.is_multiple_of(64)
                || offset.checked_add(len).is_none_or(|e| e > bytes.len())
            {
                return Err(PackError::Corrupt("sections"));
            }
            end = offset + len;
            *section = offset..end;
        }
        Ok(Self { grid, sections })
    }

    fn view<'a>(&self, bytes: &'a [u8]) -> Pack<'a> {
        let [
            meta,
            counties,
            directory,
            words,
            records,
            cells,
            vertices,
            neighbours,
            units,
        ] = self
            .sections
            .each_ref()
            .map(|r| bytes.get(r.clone()).unwrap_or_default());
        Pack {
            grid: self.grid,
            meta,
            counties,
            directory,
            words,
            records,
            cells,
            vertices,
            neighbours,
            units,
        }
    }
}

impl<'a> Pack<'a> {
    /// Validates the bytes (hash, bounds, every record, ring, neighbour and name) and returns a view of them.
    pub fn open(bytes: &'a [u8]) -> Result<Self, PackError> {
        let pack = Layout::read(bytes)?.view(bytes);
        pack.validate()?;
        Ok(pack)
    }

    /// Returns the description of the grid.
    pub fn meta(&self) -> Result<PackMeta, PackError> {
        PackMeta::parse(self.meta)
    }

    fn validate(&self) -> Result<PackMeta, PackError> {
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
        self.validate_cells(counties.0.len())?;
        self.validate_index()?;
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
}
