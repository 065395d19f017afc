//! Opens a pack: validates everything once, so that later queries cannot fail because of bad bytes.

use std::ops::Range;
use std::str::FromStr;

use protocol::codes::{CountyCode, GridVersion};
use protocol::geo::Datum;
use sha2::{Digest, Sha256};

use super::error::PackError;
use super::format::{HASHED_FROM, HEADER_LEN, MAGIC, MAX_EXTENT, PackFormat, SECTIONS};
use super::record::{i32_at, u16_at, u32_at};
use super::second::MOST_TILE_SHIFT;

/// The description of the grid in its pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackMeta {
    /// Version of the grid, such as `220104.1`.
    pub grid_version: GridVersion,
    /// Datum of the coordinates in the pack. Always WGS-84.
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
            return Err(PackError::Corrupt("a pack holds WGS-84"));
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

/// What the header says, checked.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub format: PackFormat,
    pub grid: TileGrid,
    pub sections: [Range<usize>; SECTIONS],
}

/// A validated view of the bytes of a pack. It is cheap to copy, borrows the bytes and allocates nothing.
#[derive(Clone, Copy, Debug)]
pub struct Pack<'a> {
    pub(crate) format: PackFormat,
    pub(crate) grid: TileGrid,
    pub(crate) counties: &'a [u8],
    /// The first of the counties; most packs have no other.
    pub(crate) county: Option<CountyCode>,
    pub(crate) directory: &'a [u8],
    pub(crate) words: &'a [u8],
    pub(crate) records: &'a [u8],
    pub(crate) cells: &'a [u8],
    /// Vertices in format 1, arcs in format 2.
    pub(crate) vertices: &'a [u8],
    /// Neighbours in format 1, outlines with neighbours in format 2.
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
    /// Reads the header of a whole pack and checks the hash of its bytes.
    fn read(bytes: &[u8]) -> Result<Self, PackError> {
        Self::known(bytes, bytes.len())?;
        let (head, hashed) = bytes.split_at_checked(HASHED_FROM).ok_or(PackError::NotAPack)?;
        if head.get(16..) != Some(Sha256::digest(hashed).as_slice()) {
            return Err(PackError::Hash);
        }
        Self::of_header(bytes, bytes.len())
    }

    /// The format of a pack of `len` bytes.
    fn known(bytes: &[u8], len: usize) -> Result<PackFormat, PackError> {
        if bytes.get(..8) != Some(MAGIC.as_slice()) {
            return Err(PackError::NotAPack);
        }
        let found = u16_at(bytes, 8).ok_or(PackError::NotAPack)?;
        let format = PackFormat::of(found).ok_or(PackError::Version { found })?;
        let expected = u32_at(bytes, 12).ok_or(PackError::NotAPack)? as usize;
        if expected != len || expected < HEADER_LEN {
            return Err(PackError::Length { found: len, expected });
        }
        Ok(format)
    }

    /// Reads the header of a pack of `len` bytes that begins with these, and checks that its sections fit. No hash is
    /// computed.
    pub(crate) fn of_header(bytes: &[u8], len: usize) -> Result<Self, PackError> {
        let format = Self::known(bytes, len)?;
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
        let most_shift = match format {
            PackFormat::First => 20,
            PackFormat::Second => MOST_TILE_SHIFT,
        };
        let is_beyond = |low: i32, extent: u32| i64::from(low) + i64::from(extent) > i64::from(i32::MAX) + 1;
        let tiles = |extent: u32| extent.div_ceil(1 << grid.tile_shift);
        if grid.width > MAX_EXTENT
            || grid.height > MAX_EXTENT
            || !(8..=most_shift).contains(&grid.tile_shift)
            || is_beyond(grid.x0, grid.width)
            || is_beyond(grid.y0, grid.height)
            || grid.columns != tiles(grid.width)
            || grid.rows != tiles(grid.height)
        {
            return Err(PackError::Corrupt("grid of tiles"));
        }
        let mut sections: [Range<usize>; SECTIONS] = Default::default();
        let mut end = HEADER_LEN;
        for (k, section) in sections.iter_mut().enumerate() {
            let (offset, size) = (word(76 + k * 8)? as usize, word(80 + k * 8)? as usize);
            if offset < end || !offset.is_multiple_of(64) || offset.checked_add(size).is_none_or(|e| e > len)
            {
                return Err(PackError::Corrupt("sections"));
            }
            end = offset + size;
            *section = offset..end;
        }
        Ok(Self {
            format,
            grid,
            sections,
        })
    }

    /// A view of these bytes. Sections that they do not contain are empty.
    pub(crate) fn view<'a>(&self, bytes: &'a [u8]) -> Pack<'a> {
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
            format: self.format,
            grid: self.grid,
            meta,
            counties,
            county: counties
                .first_chunk()
                .and_then(|digits| CountyCode::from_digits(*digits)),
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

    /// Returns the lengths of the sections that hold cells, for measurements.
    pub fn sizes(&self) -> String {
        format!(
            "directory={} words={} records={} cells={} vertices={} neighbours={}",
            self.directory.len(),
            self.words.len(),
            self.records.len(),
            self.cells.len(),
            self.vertices.len(),
            self.neighbours.len()
        )
    }

    /// The version of the file's format.
    pub fn format_version(&self) -> u16 {
        self.format as u16
    }

    /// Returns the description of the grid.
    pub fn meta(&self) -> Result<PackMeta, PackError> {
        PackMeta::parse(self.meta)
    }
}
